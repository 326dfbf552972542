// SPDX-License-Identifier: Apache-2.0
#pragma once

// What happened in the cluster, for people: the newest events of each topology and of the cluster
// itself. Pure. The leader notes them, and writes what is new from time to time: a row for each
// topology with the events of that batch, so that the cost is that of the events. Rows that are
// over the bounds go in the same batch, the oldest first.
//
// Bounds: per topology, for the cluster itself, for all together; events that wait to be written
// past pending_max push out the oldest that wait, which are counted.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "samoza/v1/controlplane.pb.h"
#include "samoza/v1/events.pb.h"
#include "stdx/result.h"

namespace zrms {

namespace v1 = samoza::v1;

class EventReader;

class EventLog {
 public:
  struct Options {
    std::size_t cluster_max = 1000, topology_max = 200, all_max = 20'000;
    std::size_t pending_max = 1000, write_max = 100;
    std::size_t spaces_named = 5;
  };
  static constexpr const char* kind = "events";
  static constexpr const char* of_cluster = "cluster";  // no topology has this id

  explicit EventLog(Options options) : options_(options) {}

  // The numbers of events grow with terms, and within one.
  void begin(std::uint64_t term);
  // The rows of the database, once it has read them all. What waits to be written goes on waiting.
  void load(EventReader& read);
  EventReader reader() const;
  // One that happened, `at` included. One like the last of its topology that still waits becomes
  // one with it: 10,000 spaces that start one after the other are a few events.
  void note(v1::Event event);
  // What another leader wrote: for a zrms that does not lead.
  void told(const v1::EventsTold& news);

  bool wants_to_write() const { return !pending_.empty() || !written_.empty(); }
  bool writing() const { return writing_; }
  // Of the batch under way: an answer to another one says nothing of it.
  std::uint64_t batch() const { return batch_; }
  // The next batch; again the last one where nobody knows what became of it.
  v1::CommitRequest next_write();
  // Its answer. Gives the events that are in the database now.
  std::vector<v1::Event> answered(const stdx::Status& answer);
  // The leadership session ended with a batch under way.
  void given_up() { writing_ = false; }
  std::uint64_t dropped() const { return dropped_; }

  // Of a topology (its id), of the cluster itself (of_cluster), or all there is (empty): the oldest
  // ones after `after`; with `after` 0 the newest ones. In order, at most `limit`.
  std::vector<v1::Event> list(const std::string& scope, std::uint64_t after,
                              std::size_t limit) const;
  // A topology that is gone is found by its name here.
  std::string topology_named(const std::string& name) const;
  bool empty() const { return rows_.empty() && pending_.empty(); }

 private:
  friend class EventReader;
  using Place = std::pair<std::string, std::uint64_t>;  // scope, number of the first event
  struct Row {
    std::vector<v1::Event> events;
    std::uint64_t version = 0;  // 0: heard of, not read
  };
  static std::string scope_of(const v1::Event& event);
  static std::string key_of(const Place& place);
  void put(const std::string& scope, Row row);
  void erase(const Place& place);
  using Visit = std::function<void(const v1::Event&)>;
  void visit_rows(const std::string& scope, std::uint64_t after, std::size_t limit,
                  const Visit& visit) const;
  // The oldest rows that must go, of a scope and of all.
  std::vector<Place> over_bounds(const std::set<std::string>& scopes) const;

  Options options_;
  std::uint64_t next_ = 1;
  std::map<Place, Row> rows_;
  std::set<std::pair<std::uint64_t, Place>> order_;  // of rows_, by the number of the last event
  std::map<std::string, std::size_t> counts_;        // events by scope
  std::size_t count_ = 0;
  std::deque<v1::Event> pending_;
  std::map<Place, Row> written_;  // of the batch under way
  std::vector<Place> removed_;    // by it
  bool writing_ = false, uncertain_ = false;
  std::uint64_t dropped_ = 0, batch_ = 0;
};

// Makes rows of events of what the database gave, in parts of about events_at_once events, so that
// a leader that begins its session does not hold its loop for all of them. After EventLog::load it
// holds the rows that were there before; `discard` frees them in parts, too.
class EventReader {
 public:
  static constexpr std::size_t events_at_once = 500;

  explicit EventReader(EventLog::Options options) : log_(options) {}
  // True where there is more to do.
  bool step(const v1::RecordsReply& records);
  bool discard();

 private:
  friend class EventLog;
  EventLog log_;
  int at_ = 0;
};

}  // namespace zrms
