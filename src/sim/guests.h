// SPDX-License-Identifier: Apache-2.0
#pragma once

// The guests of the simulated cluster and the engine that starts them. One program plays every
// part: a space without incoming paths makes messages by itself, at the pace that its entry names
// ("brisk", "calm", "rare", or "quiet": none); any other takes messages, works a while, and sends
// one on along each of its paths; a DATA space counts what it takes in its store. What they do and
// see they tell to the checkers.
//
// Modules take 1 ms to compile; one in four up to 4 s. Guests trap by chance while `misbehave`.

#include <memory>
#include <set>
#include <string>

#include "ports/engine.h"
#include "sim/checker.h"
#include "sim/delivery_checker.h"
#include "simkit/stub_engine.h"
#include "stdx/prng.h"

namespace zrun {
class Space;
}

namespace sim {

class OnceChecker;
class OutsideChecker;

struct Stage {
  Checker& checker;
  DeliveryChecker& delivery;
  OnceChecker& once;
  OutsideChecker& outside_checker;
  stdx::Prng prng;  // of its own: what guests draw does not move the faults
  bool misbehave = false;
  std::uint64_t guests = 0, answers = 0;
  // Messages numbered by each placement, over all lives of its guest.
  std::map<std::pair<Placement, std::string>, std::uint64_t> numbers;
  std::function<void(const std::string&)> trace;
  // What came from outside, by zmesh: such a message begins with "outside".
  struct Outside {
    std::string space, text, sender;
  };
  std::vector<Outside> outside;
  // Placements whose guest traps at every message or at once.
  std::set<Placement> cursed;
};

class FlowGuest final : public simkit::StubGuest {
 public:
  FlowGuest(Stage& stage, const zrun::Space& space, const std::string& zhost,
            std::uint64_t incarnation, std::string pace);
  std::optional<simkit::GuestCall> next(std::int32_t result) override;

 private:
  enum class Step { look, found, begin, got, worked, put, sent };
  struct Out {
    std::string path, to;
    bool at_most_once;
  };

  std::optional<simkit::GuestCall> take();
  std::optional<simkit::GuestCall> send(std::size_t out);
  std::optional<simkit::GuestCall> end_turn();
  std::uint32_t pause();
  bool traps();
  std::uint64_t read_number(std::int32_t bytes) const;  // that data.get brought

  Stage& stage_;
  Instance instance_;
  Placement self_;
  std::uint64_t guest_;
  std::string pace_;
  std::vector<Out> outs_;
  bool takes_ = false, has_data_ = false, loops_ = false, dispatched_ = false;
  Step step_ = Step::begin;
  Arrival current_;
  std::size_t out_ = 0;
  std::uint64_t count_ = 0;
};

// simkit::StubEngine with slow compilations and guests that know which space they are.
class FlowEngine final : public ports::Engine {
 public:
  FlowEngine(simkit::Process& process, Stage& stage, std::uint64_t incarnation);
  void compile(std::shared_ptr<const stdx::Bytes> module,
               std::vector<ports::HostFunction> functions, Compiled done) override;

 private:
  std::unique_ptr<simkit::StubGuest> make_guest(Stage& stage, const std::string& role,
                                                std::uint64_t incarnation) const;

  simkit::Process& process_;
  simkit::StubEngine stub_;
  const void* making_ = nullptr;  // the zrun::Space that an instance is made for
};

}  // namespace sim
