// SPDX-License-Identifier: Apache-2.0
#pragma once

// Carries out what startz commands (zrun.place_many, zrun.stop): places spaces here, puts a newer
// version in the place of the one that runs (PlaceCommand.replaces), stops spaces, and takes away
// those that are over. What a space had not finished when it leaves goes to the next instance, to
// its store, or becomes a dead letter: nothing of it vanishes.
//
// Not thread-safe: it belongs to the loop of its zrun.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ports/runtime.h"
#include "samoza/v1/cluster.pb.h"
#include "zrun/courier.h"
#include "zrun/letter_writer.h"
#include "zrun/local_spaces.h"
#include "zrun/outside_requests.h"
#include "zrun/peer_table.h"
#include "zrun/space_starter.h"

namespace zrun {

class Placements {
 public:
  struct Options {
    std::string zhost;
    std::size_t spaces_max = 20'000;
  };
  // All outlive it. `space`: what a Space is made with.
  struct Parts {
    SpaceParts space;
    LocalSpaces& spaces;
    Courier& courier;
    LetterWriter& letters;
    OutsideRequests& outside_requests;
    PeerTable& peers;
    SpaceStarter& starter;
    ports::DataStore& data;
  };

  Placements(Parts parts, Options options);

  // --- commands ---
  v1::CommandReply place(const v1::PlaceCommand& command);
  v1::PlaceBatchReply place_many(const v1::PlaceBatch& batch);
  v1::CommandReply stop(const v1::StopCommand& command);

  // A space here has another state: one that is over leaves, once it is off the stack.
  void state_changed(Space& space);
  // From now on nothing is placed. Spaces that are over leave; `on_empty` when all have left.
  void close();
  std::function<void()> on_empty;

 private:
  using Key = LocalSpaces::Key;
  // Reads a topology that is not here yet.
  using ReadSpec = std::function<stdx::Result<model::Topology>()>;
  // What an instance gets from the one whose place it takes.
  struct Handed {
    std::vector<MessagePtr> messages;  // into its mailbox, before anything else
    std::vector<Turn::Emit> outgoing;  // Space::carry
    bool with_mailbox = false;         // Courier::space_arrived
  };

  v1::CommandReply place(const v1::PlaceCommand& command, const ReadSpec& spec);
  stdx::Result<LocalTopology*> topology_of(const v1::PlaceCommand& command, const ReadSpec& spec);
  v1::CommandReply place_here(LocalTopology& topology, std::shared_ptr<const model::Topology> text,
                              const v1::PlaceCommand& command, Handed handed);
  v1::CommandReply replace(PlacedSpace& placed, std::shared_ptr<const model::Topology> text,
                           const v1::PlaceCommand& command);
  void hand_over(const Key& key, LocalTopology& topology, PlacedSpace& placed);
  void retire_later(const Key& key, const model::InstanceId& id);
  void retire(const Key& key);
  void count_running(PlacedSpace& placed, bool runs);
  void forget_topology_if_empty(const std::string& topology);
  // What the disk has of a space that is deleted.
  void remove_stored(const model::SpaceKey& key);

  ports::Runtime& runtime_;
  SpaceParts space_parts_;
  LocalSpaces& spaces_;
  Courier& courier_;
  LetterWriter& letters_;
  OutsideRequests& outside_requests_;
  PeerTable& peers_;
  SpaceStarter& starter_;
  ports::DataStore& data_;
  Options options_;
  bool closing_ = false;
  std::int64_t running_ = 0;
  ports::Gauge& running_gauge_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zrun
