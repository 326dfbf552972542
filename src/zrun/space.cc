// SPDX-License-Identifier: Apache-2.0
#include "zrun/space.h"

#include <algorithm>

#include "guest_abi/check.h"
#include "stdx/text.h"

namespace zrun {
namespace {

using namespace std::chrono_literals;
constexpr stdx::Duration idle_back_off_min = 10ms;
constexpr stdx::Duration idle_back_off_max = 1s;
constexpr stdx::Duration restart_back_off_min = 100ms;
constexpr stdx::Duration restart_back_off_max = 5s;

}  // namespace

const char* to_string(SpaceState state) {
  switch (state) {
    case SpaceState::starting:
      return "starting";
    case SpaceState::initializing:
      return "starting";
    case SpaceState::running:
      return "running";
    case SpaceState::closing:
      return "stopping";
    case SpaceState::stopped:
      return "stopped";
    case SpaceState::failed:
      return "failed";
  }
  return "failed";
}

Space::Space(SpaceParts parts, LocalTopology& topology, std::uint16_t index, model::InstanceId id,
             SpacePast past, std::shared_ptr<const model::Topology> text)
    : parts_(parts),
      topology_(topology),
      text_(text ? std::move(text) : topology.text),
      index_(index),
      id_(std::move(id)),
      past_(std::move(past)),
      trace_(parts.tracer, {text_, index_, id_.epoch.value, id_.run.value}),
      log_({parts.runtime, parts.scheduler, parts.logs}, id_, spec(),
           guest_abi::is_granted(spec().capabilities, "sys.log")),
      sensors_(parts.sensors, [this] { wake(Wait::sensor); }) {
  if (spec().cpu_share > 0) set_weight(spec().cpu_share);
  for (auto* path : topology_.paths_of[index_])
    if (path->from == index_ && has_path(path->index)) out_paths_.push_back(path);
  const bool newest = text_ == topology_.text;
  if (newest ? topology_.transactional[index_] : model::is_transactional(*text_, index_))
    transaction_.reset(new Transaction{Ledger(parts_.runtime, parts_.pool, topology_, *text_, id_,
                                              index_, [this](PathState& path, MessagePtr message) {
                                                parts_.owner.send(*this, path, std::move(message));
                                              })});
  if (transaction_)
    transaction_->ledger.on_store = [this](const stdx::Status& answer) { note_store(answer); };
}

Space::~Space() {
  instance_.reset();
  parts_.scheduler.forget(*this);
}

// --- lifecycle ---

void Space::start(std::shared_ptr<ports::Module> module, std::shared_ptr<ports::SpaceData> data) {
  if (state_ != SpaceState::starting) return;
  module_ = std::move(module);
  data_ = std::move(data);
  if (!transaction_) return restart();
  transaction_->ledger.load(data_, [this](stdx::Status loaded) {
    if (state_ != SpaceState::starting) return;
    if (!loaded) return load_failed(loaded.error());
    transaction_->loaded = true;
    parts_.owner.letters_loaded(*this, transaction_->ledger.take_dead_letters());
    for (const auto& [path, message] : transaction_->ledger.take_given_up())
      parts_.owner.given_up(*this, path, *message,
                            "an update removed its path before it was received");
    parts_.owner.ledger_loaded(*this);
    commit_carried();
    restart();
  });
}

void Space::commit_carried() {
  if (carried_.empty()) return;
  Turn turn;
  for (const auto& [path, message] : carried_) turn.emit(path, message);
  transaction_->ledger.commit(std::move(turn), {}, [this](stdx::Status status, const Turn&) {
    const auto carried = take_carried();
    if (status) return;
    for (const auto& [path, message] : carried)
      parts_.owner.given_up(*this, path, *message, "the store of its sender did not take it");
  });
}

void Space::load_failed(const stdx::Error& why) {
  using stdx::Code;
  if (why.code != Code::unavailable && why.code != Code::unknown && why.code != Code::full)
    return fail_for_good(why.message);
  // The disk or the queue of the store has no room for it now; that passes.
  wait_for_store(why);
  restart_timer_ = std::make_unique<ports::Timer>(parts_.runtime.executor);
  restart_timer_->set(1s, [this] { start(module_, data_); });
}

void Space::restart() {
  instance_ = module_->instantiate(this, spec().limits.memory_bytes);
  hook_ = Hook::initialize;
  call_active_ = false;
  wait_ = Wait::none;
  set_state(SpaceState::initializing, "");
  hook_deadline_ =
      parts_.scheduler.refresh_now() + std::chrono::milliseconds(spec().limits.on_init_deadline_ms);
  set_timer();
  parts_.scheduler.make_runnable(*this);
}

void Space::serve(std::function<void(const Message&)> show) {
  show_ = std::move(show);
  set_state(SpaceState::running, "");
}

void Space::fail_for_good(std::string why) {
  last_failure_ = stdx::shortened(why, 400);
  leave(SpaceState::failed, std::move(why));
}

void Space::stop(std::string why) {
  if (state_ == SpaceState::stopped || closing_asked_) return;
  closing_asked_ = true;
  detail_ = std::move(why);
  if (transaction_ && transaction_->hook_ended) {
    // The commit under way is waited for, as long as on_close might take.
    commit_deadline_ = std::make_unique<ports::Timer>(parts_.runtime.executor);
    commit_deadline_->set(std::chrono::milliseconds(spec().limits.on_close_deadline_ms),
                          [this] { commit_overran(); });
    return;
  }
  close_or_leave();
}

void Space::close_or_leave() {
  const bool can_close = instance_ && state_ == SpaceState::running;
  if (!can_close || !instance_->has("on_close")) {
    leave(SpaceState::stopped, detail_);
    return;
  }
  set_state(SpaceState::closing, detail_);
  hook_deadline_ = parts_.scheduler.refresh_now() +
                   std::chrono::milliseconds(spec().limits.on_close_deadline_ms);
  set_timer();
  // A guest in the middle of on_process is not ended there: where it waits it hears that the space
  // is stopping (asked_to_return), and on_close follows when it returned.
  if (!call_active_) hook_ = Hook::on_close;
  if (!call_active_ || wait_ == Wait::sleep || wait_ == Wait::message || wait_ == Wait::room ||
      wait_ == Wait::sensor)
    parts_.scheduler.make_runnable(*this);
}

// What was not committed is not finished: its sender keeps it for the next instance.
void Space::commit_overran() {
  if (!is_over() && transaction_->hook_ended)
    leave(SpaceState::stopped, "its store did not take the last commit in time: " +
                                   (store_trouble_.empty() ? "no answer" : store_trouble_));
}

void Space::note_store(const stdx::Status& answer) {
  const bool bad = !answer && answer.error().code != stdx::Code::invalid &&
                   answer.error().code != stdx::Code::stale;
  if (!bad && store_trouble_.empty()) return;
  const auto trouble = bad ? answer.error().message : "";
  if (trouble == store_trouble_) return;
  const bool known = bad && !store_trouble_.empty();
  store_trouble_ = trouble;
  if (known) return;  // the words change with the numbers in them; the state does not
  if (bad)
    parts_.runtime.log.warn(
        "store_has_trouble",
        {{"topology", id_.key.topology.value}, {"space", id_.key.space}, {"why", trouble}});
  else
    parts_.runtime.log.info("store_is_well",
                            {{"topology", id_.key.topology.value}, {"space", id_.key.space}});
  if (state_ == SpaceState::running) set_state(state_, trouble);
}

void Space::wait_for_store(const stdx::Error& why) {
  const bool first = store_trouble_.empty();
  note_store(std::unexpected(why));
  if (first) set_state(SpaceState::starting, "waits for its store: " + why.message);
}

void Space::tell_slow_start(const std::string& why) {
  if (state_ == SpaceState::starting) set_state(state_, why);
}

bool Space::tell_closed() {
  if (!asked_to_return() || std::exchange(told_closed_, true)) return false;
  unpark();
  return true;
}

void Space::leave(SpaceState state, std::string detail) {
  log_.print_unfinished();
  instance_.reset();
  call_active_ = false;
  wait_ = Wait::none;
  hook_deadline_.reset();
  busy_for_ = {};
  restart_timer_.reset();
  commit_deadline_.reset();
  self_timers_.clear();
  sensors_.close_all();
  data_call.reset();
  const bool in_doubt = transaction_ && transaction_->commit == Transaction::Commit::under_way;
  drop_turn();
  give_back_current(in_doubt);
  parts_.scheduler.cancel_wake(*this);
  set_state(state, std::move(detail));
}

void Space::set_state(SpaceState state, std::string detail) {
  state_ = state;
  detail_ = std::move(detail);
  parts_.owner.state_changed(*this);
}

void Space::fail(std::string why, Cause cause) {
  log_.print_unfinished();
  instance_.reset();
  call_active_ = false;
  wait_ = Wait::none;
  hook_deadline_.reset();
  busy_for_ = {};
  self_timers_.clear();
  sensors_.close_all();
  data_call.reset();
  turn_emits_.clear();
  drop_turn();
  log_.write(3, why);
  // What a message does to its receiver is no failure of the space: the message is delivered a few
  // times more, and then it is a dead letter. Nothing moves for its sake.
  const auto deliveries = cause == Cause::guest ? failed_delivery(why) : 0;
  if (current_) trace_.close(SpanEnd::failed, why);
  if (deliveries > 0 && !closing_asked_) {
    parts_.scheduler.cancel_wake(*this);
    return restart_later(deliveries, std::move(why));
  }
  give_back_current();
  if (cause == Cause::store && !closing_asked_) {
    parts_.scheduler.cancel_wake(*this);
    return restart_later(failures_max, std::move(why));
  }
  parts_.scheduler.cancel_wake(*this);
  if (closing_asked_) return leave(SpaceState::stopped, why);
  const auto now = parts_.scheduler.refresh_now();
  failures_.push_back(now);
  while (now - failures_.front() > failure_window) failures_.pop_front();
  parts_.runtime.log.warn("space_failed", {{"topology", id_.key.topology.value},
                                           {"space", id_.key.space},
                                           {"epoch", id_.epoch.value},
                                           {"why", why},
                                           {"failures", failures_.size()}});
  if (failures_.size() >= failures_max) {
    leave(SpaceState::failed, stdx::format("failed {} times within {}: {}", failures_.size(),
                                           stdx::format_duration(failure_window), why));
    return;
  }
  restart_later(failures_.size(), std::move(why));
}

void Space::restart_later(std::size_t failures, std::string why) {
  log_.set_restarts(++restarts_);
  last_failure_ = stdx::shortened(why, 400);
  set_state(SpaceState::initializing, std::move(why));
  if (is_over()) return;  // stopped by who was told
  const auto doublings = std::min<std::size_t>(failures - 1, 6);
  restart_timer_ = std::make_unique<ports::Timer>(parts_.runtime.executor);
  restart_timer_->set(
      std::min(restart_back_off_min * (1 << doublings), stdx::Duration(restart_back_off_max)),
      [this] { restart(); });
}

// How many deliveries of the current message failed, this one with them; 0 where there is none.
std::size_t Space::failed_delivery(const std::string& why) {
  if (!current_ || hook_ != Hook::on_process) return 0;
  const bool is_last = is_last_delivery(*current_);
  trace_.close(is_last ? SpanEnd::dead_letter : SpanEnd::failed, why);
  const auto deliveries = current_->deliveries;
  if (is_last)
    record_dead_letter(std::exchange(current_, {}), why);
  else
    give_back_current();
  return deliveries;
}

// --- turns ---

bool Space::begin_hook() {
  for (;;) {
    if (hook_ == Hook::on_process && spec().idle == model::Idle::wait && mailbox_.empty())
      return false;
    const char* name = nullptr;
    switch (hook_) {
      case Hook::initialize:
        // Some toolchains set a library up in its empty main.
        name = instance_->has("_initialize") ? "_initialize" : "_start";
        break;
      case Hook::on_init:
        name = "on_init";
        break;
      case Hook::on_process:
        name = "on_process";
        break;
      case Hook::on_close:
        name = "on_close";
        break;
    }
    if (instance_->has(name)) {
      const auto begun = instance_->begin(name);
      ASSERT(begun.has_value(), "an export that is there can be called");
      call_active_ = true;
      took_message_ = false;
      return true;
    }
    switch (hook_) {
      case Hook::initialize:
        hook_ = Hook::on_init;
        break;
      case Hook::on_init:
        hook_ = Hook::on_process;
        hook_deadline_.reset();
        set_state(SpaceState::running, "");
        if (state_ != SpaceState::running) return false;  // its owner stopped it
        break;
      case Hook::on_process:
        fail_for_good("the module does not export on_process");
        return false;
      case Hook::on_close:
        leave(SpaceState::stopped, detail_);
        return false;
    }
  }
}

namespace {

// A stack that is too small reaches below address 0: nothing tells it from a wild pointer.
const char* stack_hint(const std::string& error) {
  return error.starts_with("out of bounds memory access")
             ? " (a pointer to nowhere, or a stack that is too small: build.stack in space.yaml)"
             : "";
}

}  // namespace

void Space::run_slice(stdx::Duration at_most) {
  if (!instance_) return;
  if (hook_deadline_ && parts_.scheduler.now() >= *hook_deadline_) return overran_deadline();
  if (transaction_ && transaction_->hook_ended) return;
  if (!call_active_ && !begin_hook()) return;
  const auto began = parts_.scheduler.now();
  switch (instance_->resume(at_most)) {
    case ports::Instance::Progress::pending:
      if (wait_ == Wait::none) return slice_over(began);
      busy_for_ = {};
      set_timer();
      return;
    case ports::Instance::Progress::returned:
      return ended(instance_->value());
    case ports::Instance::Progress::exited: {
      const auto code = instance_->value();
      if (hook_ == Hook::initialize)
        return fail_for_good(
            stdx::format("its main ended the module (proc_exit({})) before on_init; build it as a "
                         "library without a main (docs/abi.md)",
                         code));
      if (code == 0) return leave(SpaceState::stopped, "the guest called proc_exit(0)");
      return fail(stdx::format("the guest called proc_exit({})", code));
    }
    case ports::Instance::Progress::failed:
      if (!end_reason_.empty()) return fail(std::exchange(end_reason_, ""));
      return fail("trap: " + instance_->error() + stack_hint(instance_->error()));
  }
}

void Space::slice_over(stdx::Instant began) {
  const auto now = parts_.scheduler.refresh_now();
  if (hook_deadline_ && now >= *hook_deadline_) return overran_deadline();
  // What it used, not what passed: it shares the time with others.
  busy_for_ += now - began;
  const auto watchdog = std::chrono::milliseconds(spec().limits.on_process_watchdog_ms);
  if (hook_ == Hook::on_process && busy_for_ >= watchdog)
    return fail(stdx::format("watchdog: on_process ran for {} without yielding",
                             stdx::format_duration(watchdog)));
  parts_.scheduler.make_runnable(*this);
}

void Space::overran_deadline() {
  if (hook_ == Hook::on_close)
    return leave(SpaceState::stopped, "on_close did not end within its deadline");
  if (state_ == SpaceState::closing)
    return leave(SpaceState::stopped, "on_process did not return within on_close's deadline");
  fail_for_good(
      stdx::format("on_init did not end within {} ms", spec().limits.on_init_deadline_ms));
}

void Space::ended(std::int32_t value) {
  call_active_ = false;
  busy_for_ = {};
  wait_ = Wait::none;
  if (!transaction_ || value != 0) return hook_over(value);
  // The turn ends with the hook; a hook that returns anything else has not done it.
  transaction_->hook_ended = true;
  if (commit_turn()) return;
  transaction_->hook_ended = false;
  hook_over(value);
}

void Space::hook_over(std::int32_t value) {
  switch (hook_) {
    case Hook::initialize:
      hook_ = Hook::on_init;
      break;
    case Hook::on_init:
      if (value != 0) return fail_for_good(stdx::format("on_init returned {}", value));
      hook_ = Hook::on_process;
      hook_deadline_.reset();
      set_state(SpaceState::running, "");
      if (!instance_) return;
      break;
    case Hook::on_process:
      if (!transaction_) {
        finish_current();
      } else if (value != 0) {
        // The turn has not been: nothing of it may be committed with what on_close does.
        drop_turn();
        give_back_current();
      }
      if (state_ == SpaceState::closing) {
        hook_ = Hook::on_close;
        break;
      }
      if (value != 0) return stop(stdx::format("on_process returned {}", value));
      return go_idle();
    case Hook::on_close:
      if (value != 0) log_.write(2, stdx::format("on_close returned {}", value));
      return leave(SpaceState::stopped, detail_);
  }
  parts_.scheduler.make_runnable(*this);
}

void Space::go_idle() {
  if (!mailbox_.empty()) return parts_.scheduler.make_runnable(*this);
  if (spec().idle == model::Idle::wait) return;
  // A call that took no message may have work of its own: it is called again, ever more seldom.
  idle_back_off_ = took_message_ || idle_back_off_ == stdx::Duration::zero()
                       ? idle_back_off_min
                       : std::min(idle_back_off_ * 2, stdx::Duration(idle_back_off_max));
  parts_.scheduler.wake_at(*this, parts_.scheduler.now() + idle_back_off_);
}

// --- waiting ---

void Space::park(Wait wait, std::int32_t timeout_ms) {
  wait_ = wait;
  wait_deadline_.reset();
  if (wait == Wait::yield) {
    parts_.scheduler.make_runnable(*this);
  } else if (timeout_ms >= 0) {
    wait_deadline_ = parts_.scheduler.refresh_now() + std::chrono::milliseconds(timeout_ms);
  }
}

bool Space::deadline_passed() const {
  return wait_deadline_ && parts_.scheduler.now() >= *wait_deadline_;
}

void Space::set_timer() {
  auto at = hook_deadline_;
  if (wait_ != Wait::none && wait_deadline_ && (!at || *wait_deadline_ < *at)) at = wait_deadline_;
  if (at)
    parts_.scheduler.wake_at(*this, *at);
  else
    parts_.scheduler.cancel_wake(*this);
}

void Space::wake(Wait what) {
  if (call_active_ && wait_ == what) parts_.scheduler.make_runnable(*this);
}

}  // namespace zrun
