// SPDX-License-Identifier: Apache-2.0
#pragma once

// Messages from outside (zrun.ask) that somebody waits for, or that were given an id: what came of
// each, and for whom. A message with an id that came before is not handled again: its caller gets
// what came of the first, or waits for it with the others.
//
// Pure: the time is given to it, and its owner calls `expire`. Everything here is of this process:
// a space that leaves the zhost, or a new start of zrun, knows no id (docs/delivery.md).
//
// Bounds: callers_max wait at once, and a space keeps ids_max ids for ids_last; past them a message
// is refused with Code::full, or the oldest id is forgotten. Answers are kept up to
// answer_bytes_max of a space and answers_bytes_max of all: the oldest ones are dropped first, and
// their ids are kept, so that nothing is handled twice.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "ports/metrics.h"
#include "stdx/bytes.h"
#include "stdx/result.h"
#include "stdx/time.h"

namespace zrun {

// How a message from outside ended, where it did not fail.
struct OutsideEnd {
  std::optional<stdx::Bytes> answer;  // none: handled without one
  bool repeated = false;              // it is the end of an earlier message with that id
  std::string traceparent{};          // of the span that answered; empty: none
};

class OutsideCalls {
 public:
  static constexpr std::size_t callers_max = 10'000;
  static constexpr std::size_t ids_max = 1024;
  static constexpr std::size_t id_bytes_max = 128;
  static constexpr stdx::Duration ids_last = std::chrono::minutes(10);
  static constexpr std::size_t answer_bytes_max = 1u << 20;
  static constexpr std::size_t answers_bytes_max = 64u << 20;

  explicit OutsideCalls(ports::Metrics& metrics);

  using Space = std::pair<std::string, std::string>;  // topology id, name
  using Done = std::function<void(stdx::Result<OutsideEnd>)>;
  struct Asked {
    Space space;
    std::string id;                      // empty: it has none
    std::optional<stdx::Instant> until;  // its caller waits until then; none: it does not wait
    Done done;                           // called at most once, of those that wait
  };

  enum class Repeat { no, waits, ended };
  // A message with that id is known. Where it has ended, or the caller does not wait, `done` was
  // called; else it waits. Code::full: too many wait.
  stdx::Result<Repeat> repeat(const Asked& asked, stdx::Instant now);
  // A new message, that goes into the mailbox of its space as that number (never 0). Code::full.
  stdx::Result<std::uint64_t> begin(Asked asked, stdx::Instant now);

  // Whether an answer would reach anybody: one that waits, or may ask again with the id.
  bool wants_answer(std::uint64_t number) const;
  // Each of these does nothing for a number that has ended or is not known.
  void answered(std::uint64_t number, stdx::Bytes answer, stdx::Instant now,
                std::string traceparent = "");
  void handled(std::uint64_t number, stdx::Instant now);
  void failed(std::uint64_t number, const stdx::Error& why, stdx::Instant now);
  // All of them fail; `forget`: and its ids mean nothing any more.
  void fail_space(const Space& space, const stdx::Error& why, stdx::Instant now, bool forget);

  // When `expire` has something to do; none: nothing waits.
  std::optional<stdx::Instant> next_expiry() const;
  void expire(stdx::Instant now);

  std::size_t callers() const { return waiting_.size(); }

 private:
  struct Call {
    Space space;
    std::string id;
    bool ended = false, answer_dropped = false;
    stdx::Instant ended_at{};
    stdx::Result<OutsideEnd> end = OutsideEnd{};
    std::set<std::uint64_t> waiting;
  };
  struct Waiting {
    std::uint64_t call;
    stdx::Instant until;
    stdx::Duration wait;
    bool repeated;
    Done done;
  };
  struct OfSpace {
    std::map<std::string, std::uint64_t> ids;
    std::set<std::uint64_t> open, ended, answers;  // the first ones are the oldest
    std::size_t answer_bytes = 0;
  };

  stdx::Status wait_for(std::uint64_t number, const Asked& asked, stdx::Instant now, bool repeated);
  void end(std::uint64_t number, stdx::Result<OutsideEnd> end, stdx::Instant now);
  void keep(std::uint64_t number, Call& call);
  void forget(std::uint64_t number);
  void drop_answer(std::uint64_t number);
  static std::size_t bytes_of(const Call& call);

  std::map<std::uint64_t, Call> calls_;
  std::map<std::uint64_t, Waiting> waiting_;
  std::map<Space, OfSpace> spaces_;
  std::set<std::pair<stdx::Instant, std::uint64_t>> deadlines_;  // of waiting_
  std::set<std::pair<stdx::Instant, std::uint64_t>> by_age_;     // ended calls, by ended_at
  std::set<std::uint64_t> answers_;                              // calls whose answer is kept
  std::size_t answer_bytes_ = 0;
  std::uint64_t next_ = 1, next_waiting_ = 1;
  ports::Counter &taken_, &refused_, &repeats_, &timed_out_;
  ports::Gauge& callers_;
};

}  // namespace zrun
