// SPDX-License-Identifier: Apache-2.0
#pragma once

// Moves messages along paths: inside this zrun by handing them over, to other zhosts as data frames
// (wire/data_frame.h). Keeps the rules of docs/delivery.md with OutStream and InWindow.
//
// It sends through `send_frame`, which answers whether the frame was taken; what was not taken is
// tried again at the next tick, when the way comes back, or when the directory changes.

#include <functional>
#include <map>
#include <string>

#include "ports/runtime.h"
#include "wire/data_frame.h"
#include "zrun/local_topology.h"
#include "zrun/message.h"
#include "zrun/space.h"

namespace zrun {

class Courier {
 public:
  using SendFrame = std::function<bool(const std::string& zhost, stdx::Bytes frame)>;

  Courier(ports::Runtime& runtime, Scheduler& scheduler, MessagePool& pool, std::string self,
          SendFrame send_frame);

  // --- from spaces here ---
  void emit(Space& sender, PathState& path, stdx::BytesView payload);
  void send(Space& sender, PathState& path, MessagePtr message);
  void finished(LocalTopology& topology, PathState& path, const Message& message);
  void feed(Space& receiver);

  // --- changes ---
  // A space started here under its id: its streams begin, those to it go to the new instance.
  // `with_mailbox`: it has everything that its former instance here had received at least once and
  // not finished, so the numbers of those paths go on.
  void space_arrived(LocalTopology& topology, std::uint16_t index, bool with_mailbox);
  // A transactional space here goes on from what it committed.
  void ledger_loaded(LocalTopology& topology, std::uint16_t index);
  // Where the spaces are changed: streams to moved spaces start again.
  void slot_changed(LocalTopology& topology, std::uint16_t index);
  // The directory told a newer epoch of a space: what it sends may be taken in now (P10).
  void sender_told(LocalTopology& topology, std::uint16_t index);
  // The way to a zhost is new or lost: what is not received goes out again.
  void link_changed(LocalTopology& topology, const std::string& zhost);
  // Looks for streams without progress; called twice a second.
  void tick(LocalTopology& topology);

  // --- from other zhosts ---
  void take_frame(LocalTopology& topology, const wire::DataFrame& frame);

  // A frame that nobody may send so.
  void refuse() { refused_.add(); }

  // Sends the acknowledgements gathered in a round: the paths that have some, and no others.
  void flush();
  // A link that refused frames has room: the paths that were refused go on. Nothing is rewound.
  void room_again();
  // Before a topology is destroyed.
  void forget(LocalTopology& topology);

 private:
  void pump(LocalTopology& topology, PathState& path);
  void pump_here(LocalTopology& topology, PathState& path, Space& receiver);
  void pump_away(LocalTopology& topology, PathState& path);
  bool may_receive(const LocalTopology& topology, const PathState& path) const;
  void drop_repeat_here(LocalTopology& topology, PathState& path, const Message& message);
  void note_repeat(const LocalTopology& topology, const PathState& path, std::uint64_t seq);
  static void close(PathState& path);
  void open_here(LocalTopology& topology, PathState& path);
  void sender_has_room(LocalTopology& topology, PathState& path);
  void take_message(LocalTopology& topology, PathState& path, const wire::DataFrame& frame);
  void take_acknowledgement(LocalTopology& topology, PathState& path,
                            const wire::DataHeader& header);
  void take_open(LocalTopology& topology, PathState& path, const wire::DataHeader& header,
                 std::uint64_t stream);
  void note_acks(LocalTopology& topology, PathState& path);
  bool send_away(LocalTopology& topology, PathState& path, const std::string& zhost,
                 stdx::Bytes frame);
  void ask_again(LocalTopology& topology, PathState& path);
  wire::DataHeader header_out(const LocalTopology& topology, const PathState& path) const;
  bool send_back(LocalTopology& topology, PathState& path, wire::DataType type, std::uint64_t seq,
                 bool again = false);

  ports::Runtime& runtime_;
  Scheduler& scheduler_;
  MessagePool& pool_;
  std::string self_;
  SendFrame send_frame_;
  std::vector<LocalTopology*> acking_, without_room_;  // whose lists of the same name are not empty
  ports::Counter& sent_;
  ports::Counter& received_;
  ports::Counter& resent_;
  ports::Counter& stale_;
  ports::Counter& refused_;
  ports::Counter& already_committed_;
};

}  // namespace zrun
