// SPDX-License-Identifier: Apache-2.0
#pragma once

// People outside who send messages to two spaces that say `ingress: true`, through any zmesh, each
// with an id, and again with the same id; and the guest of those spaces, which answers each
// message.

#include <array>
#include <deque>
#include <memory>
#include <string>

#include "sim/cluster.h"

namespace sim {

samoza::v1::TopologySpec door_topology(const std::string& name);

class DoorGuest final : public simkit::StubGuest {
 public:
  DoorGuest(Stage& stage, const Instance& instance)
      : stage_(stage),
        instance_(instance),
        self_{instance.topology, instance.space, instance.epoch, instance.run} {}
  std::optional<simkit::GuestCall> next(std::int32_t result) override;

 private:
  enum class Step { begin, got, worked, answered };
  std::optional<simkit::GuestCall> answer();
  bool traps() { return stage_.misbehave && stage_.prng.chance(1, 40); }

  Stage& stage_;
  Instance instance_;
  Placement self_;
  Step step_ = Step::begin;
  bool dispatched_ = false;
  std::string id_;
};

class OutsideCallers {
 public:
  OutsideCallers(Cluster& cluster, std::uint64_t seed) : cluster_(cluster), prng_(seed * 57 + 3) {}
  void start(stdx::Instant until);

 private:
  void ask();

  Cluster& cluster_;
  stdx::Prng prng_;
  std::array<std::deque<std::string>, 2> recent_;  // ids, by space
  int next_ = 0;
};

}  // namespace sim
