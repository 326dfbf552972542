// SPDX-License-Identifier: Apache-2.0
#pragma once

// One space placed here: its guest, its mailbox, its hooks and what it waits for.
//
//   starting -> initializing -> running -> closing -> stopped
//                    |             |
//                    +-> failed <--+   after a trap it is started again first, with a back-off
//
// The guest runs only in run_slice(), called by the Scheduler. Host functions (zrun/abi/) get the
// Space as their context and use the section "for host functions".
//
// A transactional space (model::is_transactional) goes through a Ledger: what a turn writes and
// sends is gathered in a Turn, and the guest goes on only when that is on disk.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "guest_abi/table.h"
#include "model/ids.h"
#include "model/topology.h"
#include "ports/data_store.h"
#include "ports/engine.h"
#include "ports/runtime.h"
#include "ports/sensors.h"
#include "ports/space_logs.h"
#include "stdx/ring.h"
#include "zrun/dead_letters.h"
#include "zrun/ledger.h"
#include "zrun/local_topology.h"
#include "zrun/message.h"
#include "zrun/outside_calls.h"
#include "zrun/scheduler.h"
#include "zrun/space_log.h"
#include "zrun/space_sensors.h"
#include "zrun/space_trace.h"
#include "zrun/turn.h"

namespace zrun {

class Space;

// What a space needs of the rest of zrun.
class SpaceOwner {
 public:
  virtual ~SpaceOwner() = default;
  // A message for the path, from this space; the stream has room. Gives its number.
  virtual void emit(Space& sender, PathState& path, stdx::BytesView payload) = 0;
  // The same for a message that is in the outbox of the sender.
  virtual void send(Space& sender, PathState& path, MessagePtr message) = 0;
  // The receiver is done with a message of a declared path.
  virtual void finished(Space& receiver, const Message& message) = 0;
  // The mailbox has room again and paths were starved.
  virtual void feed(Space& receiver) = 0;
  // A message of this space, that it could not handle: off its path (or the retry of a letter).
  // `letter` lacks what the owner knows. Stored: it is in the space's store already.
  virtual void record_dead_letter(Space& receiver, DeadLetter letter) = 0;
  // The retry of a letter was handled, or (with why) failed as often as it may.
  virtual void retried(Space& receiver, std::uint64_t letter, const std::string& why) = 0;
  // The store of the space was read; these are its letters.
  virtual void letters_loaded(Space& receiver, std::vector<DeadLetter> letters) = 0;
  virtual void state_changed(Space& space) = 0;
  // A message of this space that no receiver will get.
  virtual void given_up(Space& sender, std::uint16_t path, const Message& message,
                        const char* why) = 0;
  // A transactional space knows what its former life committed: its streams may go on.
  virtual void ledger_loaded(Space& space) = 0;
};

enum class SpaceState { starting, initializing, running, closing, stopped, failed };
const char* to_string(SpaceState state);

struct SpaceParts {
  ports::Runtime& runtime;
  Scheduler& scheduler;
  MessagePool& pool;
  SpaceOwner& owner;
  ports::Sensors& sensors;
  OutsideCalls& outside;
  ports::SpaceLogs* logs = nullptr;  // what outlives zrun; null: nothing does
  Tracer* tracer = nullptr;          // null: nothing is traced here
};

// What former instances of a space did, for a person.
struct SpacePast {
  std::uint64_t restarts = 0;
  std::string last_failure;
};

class Space final : public Schedulable {
 public:
  static constexpr std::size_t self_timers_max = 256;
  // A guest that fails this often within failure_window stays failed.
  static constexpr std::size_t failures_max = 5;
  static constexpr stdx::Duration failure_window = std::chrono::seconds(60);

  // `text`: the version of the topology that it is of; null: the newest.
  Space(SpaceParts parts, LocalTopology& topology, std::uint16_t index, model::InstanceId id,
        SpacePast past = {}, std::shared_ptr<const model::Topology> text = nullptr);
  ~Space() override;
  Space(const Space&) = delete;

  // --- lifecycle ---
  // The module and, for spaces with a store, its data are there: goes on to on_init.
  void start(std::shared_ptr<ports::Module> module, std::shared_ptr<ports::SpaceData> data);
  // A UI space is running once its assets are served; `show` gets each message.
  void serve(std::function<void(const Message&)> show);
  // It cannot be started, or not any more.
  void fail_for_good(std::string why);
  // on_close within its budget, then `stopped`.
  void stop(std::string why);

  // --- messages in ---
  bool has_room(std::size_t bytes) const;
  // Requires has_room. UI spaces show it at once.
  void deliver(MessagePtr message);
  // A path towards this space found no room.
  void note_starved(PathState& path);
  std::vector<PathState*> take_starved() { return std::exchange(starved_, {}); }
  // `received` moved on some path from here: turns that waited for it may be finished.
  void release_turns();
  // Takes out every message that is not finished, oldest first, and says whether its guest had
  // begun to handle it. `handled`: also those that the guest is done with and that wait for
  // receipts of what it sent meanwhile.
  using Take = std::function<void(MessagePtr, bool begun)>;
  void drain_mailbox(const Take& take, bool handled);

  // A transactional space goes on with messages of a former instance that was not: they go into its
  // outbox before anything else. Before `start`.
  void carry(std::vector<Turn::Emit> outgoing) { carried_ = std::move(outgoing); }
  // Those that are not known to be in the outbox.
  std::vector<Turn::Emit> take_carried() { return std::exchange(carried_, {}); }

  // --- for the doorway: a message in the name of the space, from outside its guest ---
  // Requires Room::there. Answers when it is in the stream, or the store refused it.
  // `trace`: of the caller; none: it has none, and one may begin here.
  void emit_from_outside(PathState& path, stdx::BytesView payload,
                         std::optional<model::TraceContext> trace,
                         std::function<void(stdx::Status)> done);
  // Twice a second.
  void tidy_outbox();
  // A stored letter that was dropped leaves the store.
  void forget_letter(std::uint64_t id);
  std::size_t outbox_size() const { return transaction_ ? transaction_->ledger.outbox_size() : 0; }

  // --- what others ask ---
  const model::InstanceId& id() const { return id_; }
  // Of the version of the topology that it was placed with.
  const model::Space& spec() const { return text_->spaces[index_]; }
  std::uint64_t version() const { return text_->version; }
  const model::Topology& text() const { return *text_; }
  bool has_path(std::uint16_t path) const {
    return path < text_->paths.size() && !text_->paths[path].removed;
  }
  LocalTopology& topology() { return topology_; }
  const LocalTopology& topology() const { return topology_; }
  std::uint16_t index() const { return index_; }
  SpaceState state() const { return state_; }
  const std::string& detail() const { return detail_; }
  bool is_ui() const { return spec().type == model::SpaceType::ui; }
  bool is_over() const { return state_ == SpaceState::stopped || state_ == SpaceState::failed; }
  bool is_transactional() const { return transaction_ != nullptr; }
  // Whether its streams go on from where they are; a transactional space first reads where.
  bool has_streams() const { return !transaction_ || transaction_->loaded; }
  bool takes_messages() const { return !is_over() && has_streams(); }
  // Paths on which the turn has sent what its receiver has not taken in.
  std::size_t turn_emits() const { return turn_emits_.size(); }
  // Turns that ended and wait for receipts of what they sent. Only messages whose senders keep them
  // (is_kept) are among them, so the bounds of those senders' streams bound it.
  std::size_t open_turns() const { return open_turns_.size(); }
  std::size_t mailbox_size() const { return mailbox_.size() + (current_ ? 1 : 0); }
  std::size_t mailbox_bytes() const { return mailbox_bytes_; }
  std::size_t memory_bytes() const { return instance_ ? instance_->memory_bytes() : 0; }
  std::uint64_t messages_finished() const { return counts_.finished; }
  const MessageCounts& counts() const { return counts_; }
  const WaitTimes& wait_times() const { return wait_times_; }
  stdx::Duration ran_for() const { return slices_took(); }
  // In this instance; of all of them.
  std::uint64_t restarts() const { return restarts_; }
  std::uint64_t all_restarts() const { return past_.restarts + restarts_; }
  const std::string& last_failure() const {
    return last_failure_.empty() ? past_.last_failure : last_failure_;
  }
  const std::string& own_last_failure() const { return last_failure_; }
  const SpaceLog& log() const { return log_; }
  SpaceLog& log() { return log_; }

  // --- for host functions (zrun/abi/) ---
  enum class Wait { none, yield, sleep, message, room, data, sensor, commit };
  // Parks the guest until it is woken or, with timeout_ms >= 0, until then.
  void park(Wait wait, std::int32_t timeout_ms);
  Wait waiting() const { return wait_; }
  bool deadline_passed() const;
  void unpark() { wait_ = Wait::none; }
  void wake(Wait what);  // where the guest waits for that
  // The space is stopping and the guest still in on_process: the first call that waits, or would,
  // tells it so. A guest that goes on nevertheless may wait again, till the deadline ends it.
  bool asked_to_return() const {
    return state_ == SpaceState::closing && hook_ == Hook::on_process;
  }
  bool tell_closed();

  const MessagePtr& front() const { return mailbox_.front(); }
  bool mailbox_empty() const { return mailbox_.empty(); }
  // The guest asked for the front message with a buffer that is too small. The first time it may be
  // asking for the size; with no larger buffer the next time, the delivery failed.
  void note_too_small(std::size_t capacity);
  // It asks for the next message: the turn is over. False: it is on its way to the disk, and the
  // guest is parked (Wait::commit) until this gives true.
  bool end_turn();
  MessagePtr take_front();  // becomes the current one
  // By what its guest calls it; by its name in the topology.
  PathState* out_path(std::string_view name);
  PathState* path_named(std::string_view name);
  // What its guest calls a path to it.
  const std::string& in_name(std::uint16_t path) const;
  enum class Room { there, later, never };
  Room room_on(const PathState& path, std::size_t bytes) const;
  // Requires Room::there.
  void emit(PathState& path, stdx::BytesView payload);
  bool self_emit(stdx::BytesView payload, std::int32_t delay_ms);
  // Answers the message in hand, once; of a transactional space when its turn is committed.
  enum class Replied { taken, nobody_waits, again };
  Replied reply(stdx::BytesView answer);
  // What is sent now belongs to the trace of the message in hand (space_trace.h).
  void stamp(Message& message) const { trace_.stamp(message, current_ ? &*current_ : nullptr); }
  SpaceTrace& trace() { return trace_; }
  // Why a host function ends the instance, in place of the engine's words.
  void end_because(std::string why) { end_reason_ = std::move(why); }

  struct DataCall {
    bool ready = false;
    std::int32_t result = 0;
    stdx::Bytes bytes;  // to be copied to the guest
  };
  ports::SpaceData* data() { return data_.get(); }
  // What the store answered last. While it has no room or fails, the space runs on, and its detail
  // and one line in the log say why; both end with the first answer that is good.
  void note_store(const stdx::Status& answer);
  // Its store can't be opened now; it stays `starting` and says so.
  void wait_for_store(const stdx::Error& why);
  // Why it is `starting` for so long; nothing where it goes on already.
  void tell_slow_start(const std::string& why);
  // The turn under way of a transactional space; null for others.
  Turn* turn() { return transaction_ ? &transaction_->turn : nullptr; }
  std::shared_ptr<DataCall> data_call;  // the one under way; a late answer finds it replaced

  SpaceSensors& sensors() { return sensors_; }

  ports::Runtime& runtime() { return parts_.runtime; }

 private:
  enum class Hook { initialize, on_init, on_process, on_close };
  struct OpenTurn {
    MessagePtr message;
    std::vector<std::pair<PathState*, std::uint64_t>> emits;  // not received when it ended
  };

  struct Transaction {
    enum class Commit { none, under_way, done };
    Ledger ledger;
    bool loaded = false;
    Turn turn;
    Commit commit = Commit::none;
    bool hook_ended = false;  // the hook returned 0; what comes next waits for the commit
  };

  void run_slice(stdx::Duration at_most) override;
  bool begin_hook();
  void ended(std::int32_t value);
  void hook_over(std::int32_t value);
  void close_or_leave();
  void go_idle();
  void slice_over(stdx::Instant began);
  void overran_deadline();
  // A store that takes no commit is no fault of the guest or of its message, and no reason to give
  // the space up.
  enum class Cause { guest, store };
  void fail(std::string why, Cause cause = Cause::guest);
  void commit_carried();
  void load_failed(const stdx::Error& why);
  std::size_t failed_delivery(const std::string& why);
  void restart_later(std::size_t failures, std::string why);
  void restart();
  void leave(SpaceState state, std::string detail);
  void set_state(SpaceState state, std::string detail);
  void set_timer();
  void commit_overran();
  void finish_current();
  bool commit_turn();
  void turn_committed(const stdx::Status& status, const Turn& turn);
  void drop_turn();
  // `in_doubt`: the turn that took it may have been committed.
  void give_back_current(bool in_doubt = false);
  void hand_over_handled(MessagePtr message, const Take& take);
  void put_into_mailbox(MessagePtr message, std::int32_t delay_ms);
  // One more delivery of it failed; true where it may not be delivered again.
  bool is_last_delivery(Message& message) const;
  void record_dead_letter(MessagePtr message, const std::string& why);
  void record_in_store(MessagePtr message, DeadLetter letter);
  void fail_caller(const Message& message, const std::string& why);
  DeadLetter letter_of(const Message& message, const std::string& why) const;
  // To the space and to the path of the message; plain additions.
  void count(const Message& message, std::uint64_t MessageCounts::* what);
  void note_finished(const Message& message);
  void acknowledge(const Message& message);
  // Its sender keeps it until it is finished.
  bool is_kept(const Message& message) const;
  bool received_all(const OpenTurn& turn) const;

  SpaceParts parts_;
  LocalTopology& topology_;
  std::shared_ptr<const model::Topology> text_;
  std::uint16_t index_;
  model::InstanceId id_;
  SpacePast past_;
  SpaceState state_ = SpaceState::starting;
  std::string detail_;

  std::shared_ptr<ports::Module> module_;
  std::unique_ptr<ports::Instance> instance_;
  std::shared_ptr<ports::SpaceData> data_;
  std::string store_trouble_;  // empty: none
  std::function<void(const Message&)> show_;

  Hook hook_ = Hook::initialize;
  bool call_active_ = false;
  bool closing_asked_ = false, told_closed_ = false;
  std::optional<stdx::Instant> hook_deadline_;  // on_init, on_close
  stdx::Duration busy_for_{};                   // ran so long without giving way
  stdx::Duration idle_back_off_{};

  Wait wait_ = Wait::none;
  std::optional<stdx::Instant> wait_deadline_;

  stdx::Ring<MessagePtr> mailbox_;
  std::size_t mailbox_bytes_ = 0;
  MessagePtr current_;
  bool took_message_ = false, replied_ = false;
  SpaceTrace trace_;
  MessagePtr too_small_;  // the front message that was asked for with too_small_capacity_
  std::size_t too_small_capacity_ = 0;
  std::unique_ptr<Transaction> transaction_;
  std::vector<Turn::Emit> carried_;
  std::vector<std::pair<PathState*, std::uint64_t>> turn_emits_;
  std::deque<OpenTurn> open_turns_;  // ended, waiting for receipts
  std::deque<MessagePtr>
      being_recorded_;  // off the mailbox, their letters are on the way to the store
  std::vector<PathState*> starved_;
  std::vector<PathState*> out_paths_;
  std::map<std::uint64_t, std::unique_ptr<ports::Timer>> self_timers_;
  std::uint64_t next_self_timer_ = 1;

  std::deque<stdx::Instant> failures_;
  std::uint64_t restarts_ = 0;
  std::string last_failure_;
  std::unique_ptr<ports::Timer> restart_timer_;
  std::unique_ptr<ports::Timer> commit_deadline_;  // while it stops and its last commit is out

  SpaceLog log_;
  SpaceSensors sensors_;
  std::string end_reason_;
  MessageCounts counts_;
  WaitTimes wait_times_;
};

}  // namespace zrun
