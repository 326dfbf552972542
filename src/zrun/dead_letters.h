// SPDX-License-Identifier: Apache-2.0
#pragma once

// Messages that were accepted and could not be handled, with the reason: kept here until a person
// retries or drops them. A letter of a space with a store is in that store too (zrun/ledger.h),
// from the same transaction that took the message off its path, and is read again with the space;
// any other letter lives as long as this process.
//
// Pure. Bounds: letters_max and bytes_max of payloads. At a bound the oldest letter that is not
// being retried is dropped, counted, and given to `on_dropped`.

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <unordered_map>

#include "ports/metrics.h"
#include "stdx/bytes.h"
#include "stdx/result.h"
#include "stdx/time.h"

namespace zrun {

struct DeadLetter {
  // In place of the name of a path, which none of them can be: it came from outside.
  static constexpr const char* outside = "(outside)";
  static constexpr const char* http = "(http)";
  bool is_from_outside() const { return path == outside || path == http; }

  std::uint64_t id = 0;  // never 0 in the table
  std::string topology;  // its id
  std::string path;      // empty: the space sent it to itself (sys.self_emit)
  std::string from;      // empty: it came from outside
  std::string to, reason;
  std::uint64_t seq = 0, sender_epoch = 0;
  std::uint32_t deliveries = 0;  // that failed
  stdx::WallTime at{};
  stdx::Bytes payload;
  bool stored = false;      // in the store of `to`
  bool retrying = false;    // in the mailbox of `to` again
  std::uint64_t order = 0;  // in the table: of two the later one has more
};

class DeadLetters {
 public:
  static constexpr std::size_t letters_max = 1000;
  static constexpr std::size_t bytes_max = 16u << 20;

  explicit DeadLetters(ports::Metrics& metrics);

  // For each letter that the bound drops, before it goes.
  std::function<void(const DeadLetter&)> on_dropped;

  // A new letter, counted. Requires an id that is not in use.
  void add(DeadLetter letter);
  // Letters of a store that was opened; those known already stay as they are.
  void loaded(DeadLetter letter);
  const DeadLetter* find(std::uint64_t id) const;
  void set_retrying(std::uint64_t id, bool retrying);
  // A retry failed as well.
  void failed_again(std::uint64_t id, std::string reason);
  void remove(std::uint64_t id);
  // The space left this zhost: its stored letters went with its store.
  void forget_stored(const std::string& topology, const std::string& space);

  const std::list<DeadLetter>& all() const { return letters_; }  // oldest first
  std::uint64_t total() const { return total_.value(); }

 private:
  using Letters = std::list<DeadLetter>;
  // What a topology has here.
  struct Share {
    std::map<std::uint64_t, Letters::iterator> letters;  // by order
    std::size_t bytes = 0;
  };
  void put(DeadLetter letter);
  void keep_bounds();
  bool drop_one(const Share& of);
  Letters::iterator erase(Letters::iterator at);

  Letters letters_;
  std::map<std::string, Share> shares_;  // by topology; none is empty
  std::uint64_t order_ = 0;
  std::unordered_map<std::uint64_t, Letters::iterator> by_id_;
  std::size_t bytes_ = 0;
  ports::Counter &total_, &dropped_;
  ports::Gauge& kept_;
};

}  // namespace zrun
