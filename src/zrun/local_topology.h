// SPDX-License-Identifier: Apache-2.0
#pragma once

// A topology as this zrun sees it: its spaces by index, which of them live here, where the others
// are, and both ends of every path that touches this zhost. It is of the newest version that a
// place command brought; an instance that was placed before keeps the text of its own.

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/ids.h"
#include "model/topology.h"
#include "stdx/result.h"
#include "stdx/time.h"
#include "zrun/in_window.h"
#include "zrun/message_counts.h"
#include "zrun/out_stream.h"

namespace zrun {

class Space;

struct PathState {
  std::uint16_t index = 0, from = 0, to = 0;
  OutStream out;         // in use while the sender lives here, and until it is empty
  InWindow in;           // in use while the receiver lives here
  MessageCounts counts;  // of the receiver

  // --- sending to another zhost ---
  std::string opened_to;            // zhost the stream was opened to; empty: not open
  std::uint64_t opened_epoch = 0;   // the receiver's epoch then
  std::uint32_t opened_run = 0;     // the receiver's run, from its acknowledgements; 0: none yet
  std::uint64_t progress_mark = 0;  // out.received() at the last look
  std::uint64_t finish_mark = 0;    // out.first_unfinished() then
  bool announce = false;            // its `open` goes out even with nothing to send
  bool sender_waits = false;        // the sender is parked in net.emit_to on this path
  bool without_room = false;  // a link refused its frame; it is in LocalTopology::without_room

  // --- receiving ---
  bool acks_due = false;                     // it is in LocalTopology::acks_due
  bool starved = false;                      // the mailbox had no room for the next message
  std::uint64_t asked_again_behind = ~0ull;  // the last gap that was reported

  explicit PathState(OutStream::Options options) : out(options) {}
};

struct SpaceSlot {
  // From the directory, or from its own placement here; epoch 0: not known yet.
  std::string zhost;
  std::uint64_t epoch = 0;
  // P10: the highest epoch that the directory told. Nothing newer is taken in either: a receiver
  // that starts anew would not know of it and take an older one again.
  std::uint64_t told = 0;
  // The highest epoch that a place command named. The directory of this zhost may be behind it, so
  // it only refuses what is older: it routes nothing, and `told` it is not (P10).
  std::uint64_t known = 0;
  // S1: what this sender sent in an older epoch is of an instance that was replaced.
  std::uint64_t oldest_taken() const { return std::max(epoch, known); }
  // The instance here, if any.
  Space* local = nullptr;
  // (epoch, run) of the local instance, kept for its streams after it is gone.
  SenderGeneration life;
};

struct LocalTopology {
  model::TopologyId id;
  std::array<char, 16> id_bytes{};
  std::shared_ptr<const model::Topology> text;
  std::vector<std::uint16_t> by_name;             // indices of spaces, in order of their names
  std::vector<SpaceSlot> slots;                   // by space index
  std::vector<std::unique_ptr<PathState>> paths;  // by path index
  // By space index: the paths with an end there, in order of their index; whether its turns are
  // transactions (model::is_transactional).
  std::vector<std::vector<PathState*>> paths_of;
  std::vector<bool> transactional;
  std::map<std::uint64_t, std::weak_ptr<const model::Topology>> older;  // by version
  // Paths that have something to do, so that nobody looks at all of them.
  std::vector<PathState*> acks_due, without_room;

  // Code::invalid where a path has no ends or there are more than an index can name.
  static stdx::Result<std::unique_ptr<LocalTopology>> make(model::TopologyId id,
                                                           model::Topology spec);
  const model::Topology& spec() const { return *text; }
  // A newer version of it (model/topology_update.h): every index stays, new ones are appended.
  // Code::invalid where that is not so.
  stdx::Status update(model::Topology next);
  // The text of an older version than the newest, as a place command has it: an instance that is
  // started again while an update goes on is of the version it was placed with.
  using Read = std::function<stdx::Result<model::Topology>()>;
  stdx::Result<std::shared_ptr<const model::Topology>> text_of(std::uint64_t version,
                                                               const Read& read);
  // The index of a space; -1 for a name that is not there, or was removed.
  int index_of(const std::string& space) const;
  // The same in another version of it.
  int index_in(const model::Topology& version, const std::string& space) const;
  bool has_local_spaces() const;
};

}  // namespace zrun
