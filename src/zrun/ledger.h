// SPDX-License-Identifier: Apache-2.0
#pragma once

// The durable side of one transactional space (docs/delivery.md, `once`). One transaction of its
// store holds the writes of a turn, its messages with their numbers (the outbox) and the cursor of
// the message it took; only what is on disk goes out, is acknowledged, or is told to its caller.
//
// One transaction at a time; what is asked for meanwhile goes into the next one together. The same
// number on a path is the same message for ever, so a receiver drops by its cursor what it has
// committed, whichever life of the sender sends it. An entry is removed from the disk with the next
// transaction after its receiver finished it: at most twice the stream's bound is stored.
//
// Reads and fills the OutStreams and InWindows of the space in its LocalTopology. A Ledger that is
// destroyed answers nothing more; what it gave to the store may yet be done, and the next life
// finds it there.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "model/ids.h"
#include "ports/data_store.h"
#include "ports/runtime.h"
#include "zrun/local_topology.h"
#include "zrun/turn.h"

namespace zrun {

class Ledger {
 public:
  // A commit that failed for a reason that may pass is tried again, from retry_min apart to
  // retry_max: without end where the disk has no room or failed (Code::unavailable, Code::unknown),
  // full_tries_max times where the bound of stored bytes is reached (Code::full), as receivers may
  // finish messages of the outbox meanwhile. Then the transaction fails.
  //
  // A dead letter takes a message off its path and does not give it back: what comes behind it may
  // be committed next, and would cover it. So a letter is tried without end: by itself where the
  // transaction failed that it shared, and where that fails too, the cursor without the letter,
  // which is then given to `Done` with `stored` false.
  static constexpr stdx::Duration retry_min = std::chrono::milliseconds(100);
  static constexpr stdx::Duration retry_max = std::chrono::seconds(1);
  static constexpr int full_tries_max = 10;

  // A message that is on disk now and goes out.
  using Send = std::function<void(PathState&, MessagePtr)>;
  // Ok: committed; its messages went to `send`. Else the turn was not.
  using Done = std::function<void(stdx::Status, const Turn&)>;

  // `text`: the version of the topology that the space is of.
  Ledger(ports::Runtime& runtime, MessagePool& pool, LocalTopology& topology,
         const model::Topology& text, const model::InstanceId& id, std::uint16_t space, Send send);

  // Called when a commit has to wait for the store, with the reason, and with Ok when it went on.
  std::function<void(const stdx::Status&)> on_store;

  // Reads what the former life committed; before anything else is called.
  void load(std::shared_ptr<ports::SpaceData> data, std::function<void(stdx::Status)> done);
  // `finished`: the message that the turn took, if it took one. A turn with a dead letter fails
  // only with Code::stale, or with Code::unknown where it may be on disk.
  void commit(Turn turn, MessagePtr finished, Done done);
  // A dead letter leaves the store, with the next transaction.
  void remove_dead_letter(std::uint64_t id);
  // Those that the store held when it was loaded; gives them once.
  std::vector<DeadLetter> take_dead_letters() { return std::exchange(dead_letters_, {}); }
  // Messages of paths that the space has no more: nobody takes them. They leave the store with the
  // next transaction. Gives them once, when it was loaded.
  std::vector<Turn::Emit> take_given_up() { return std::exchange(given_up_, {}); }
  // Removes entries that are finished, where no commit does it on its way.
  void tidy();

  // Messages on their way to the disk: they count against the bound of the path's stream.
  OutStream::Load waiting(std::uint16_t path) const;
  bool busy() const { return busy_; }
  // Messages of the outbox that are not finished.
  std::size_t outbox_size() const;

 private:
  struct Step {
    Turn turn;
    MessagePtr finished;
    Done done;
  };
  stdx::Status take_over(const std::vector<ports::DataRecord>& records);
  void start();
  void try_commit();
  ports::DataBatch batch_of(const std::vector<Step>& steps);
  void note_cursor(const Message& message, std::vector<ports::DataWrite>& records) const;
  void put_trace(const PathState& path, std::uint64_t seq, const Message& message,
                 std::vector<ports::DataWrite>& records);
  void remove_finished(std::vector<ports::DataWrite>& records);
  static bool may_pass(stdx::Code code, int full_tries);
  void committed(stdx::Status status);
  static std::vector<Step> take_letters_out(std::vector<Step>& steps);
  void give_up_storing(std::vector<Step>& steps, const stdx::Error& why);
  void commit_next(const stdx::Status& last, std::vector<Step> again);
  // What the records of a path are named by. Its name; but a path that has the name of a former one
  // at this space, with other ends or another delivery, is another path: that one's index is added.
  const std::string& key_of(const PathState& path) const { return keys_.at(path.index); }

  ports::Runtime& runtime_;
  MessagePool& pool_;
  LocalTopology& topology_;
  model::InstanceId id_;
  std::uint16_t space_;
  Send send_;
  std::shared_ptr<ports::SpaceData> data_;
  std::map<std::uint16_t, std::string> keys_;  // of the paths at this space, by index
  std::uint64_t stream_ = 0;
  bool stream_stored_ = false;
  struct Outbox {
    PathState* path;
    bool path_removed = false;
    std::uint64_t removed = 0;  // entries up to it are off the disk, once `removing` is committed
    std::uint64_t removing = 0;
    std::uint64_t promised = 0;        // the last number in the transaction under way
    std::set<std::uint64_t> traced{};  // numbers whose trace context is, or may be, on the disk
  };
  std::vector<Outbox> outboxes_;
  std::vector<DeadLetter> dead_letters_;  // as loaded
  std::vector<Turn::Emit> given_up_;      // as loaded
  std::vector<std::uint64_t> letters_to_remove_, letters_removing_;
  std::vector<Step> waiting_, under_way_, letters_again_;
  bool busy_ = false;
  int tries_ = 0, full_tries_ = 0;
  bool may_be_on_disk_ = false;  // a try of this transaction ended with Code::unknown
  ports::Timer retry_;
  ports::Counter& committed_;
  ports::Counter& resent_;
  ports::Counter& letters_not_stored_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zrun
