// SPDX-License-Identifier: Apache-2.0
#pragma once

// Hands to zrun what the gatekeeper let through: placements in batches of one topology, and stops.
// A zrun that connects is handed every placement anew, with its run (P3). A placement that zrun
// does not answer is sent again; data that is to be removed is named until zrun says that it is
// gone, since the leader forgets the topology.
//
// Bounds: bytes_max of placements without an answer, batch_max spaces in a batch.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "ports/runtime.h"
#include "rpc/hub.h"
#include "startz/children.h"
#include "startz/gatekeeper.h"

namespace startz {

class ZrunCommands {
 public:
  using Key = Gatekeeper::Key;

  ZrunCommands(ports::Runtime& runtime, rpc::Hub& hub, const Children& children,
               Gatekeeper& gatekeeper);

  // zrun refused the placement: its report says so.
  std::function<void(const Key& key)> on_refused;

  // The gatekeeper placed it; those of one round of the loop go together.
  void place(const Key& key);
  void stop(const v1::StopCommand& command);
  void zrun_connected();

 private:
  static constexpr std::size_t bytes_max = 4u << 20;
  static constexpr std::size_t batch_max = 128;

  void pass_later(const Key& key);
  void pass_places();
  void pass_batch(const std::vector<Key>& keys);
  void answered(const Key& key, std::uint64_t epoch, std::uint32_t run,
                const stdx::Result<v1::CommandReply>& reply);
  void pass_removals();

  ports::Runtime& runtime_;
  rpc::Hub& hub_;
  const Children& children_;
  Gatekeeper& gatekeeper_;
  std::size_t bytes_ = 0;  // of placements without an answer
  std::set<Key> to_place_;
  bool pass_posted_ = false;
  std::map<Key, v1::StopCommand> removals_;  // of data that zrun has not said to be gone
  ports::Timer repeat_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace startz
