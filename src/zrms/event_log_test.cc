// SPDX-License-Identifier: Apache-2.0
#include "zrms/event_log.h"

#include <gtest/gtest.h>

#include "stdx/text.h"
#include "zrms/event_notes.h"
#include "zrms/testing/records.h"

namespace zrms {
namespace {

using stdx::Code;

v1::Event event(const std::string& topology, const std::string& what,
                const std::string& space = "") {
  v1::Event e;
  e.set_topology_id(topology);
  e.set_topology(topology.empty() ? "" : "name of " + topology);
  e.set_what(what);
  if (space.empty()) return e;
  e.add_spaces(space);
  e.set_count(1);
  return e;
}

// A database that holds what the log writes.
struct Database {
  std::map<std::string, v1::Record> rows;
  stdx::Status commit(const v1::CommitRequest& request) {
    for (const auto& change : request.changes()) {
      const auto at = rows.find(change.key());
      if ((at == rows.end() ? 0 : at->second.version()) != change.expected_version())
        return stdx::fail(Code::conflict, change.key());
    }
    for (const auto& change : request.changes()) {
      if (change.remove()) {
        rows.erase(change.key());
        continue;
      }
      auto& row = rows[change.key()];
      row.set_kind(change.kind());
      row.set_key(change.key());
      row.set_version(change.expected_version() + 1);
      row.set_value(change.value());
    }
    return {};
  }
  v1::RecordsReply read() const {
    v1::RecordsReply reply;
    for (const auto& [key, row] : rows) *reply.add_records() = row;
    return reply;
  }
  std::size_t events() const {
    std::size_t count = 0;
    for (const auto& [key, row] : rows) {
      v1::EventBlock block;
      block.ParseFromString(row.value());
      count += static_cast<std::size_t>(block.events_size());
    }
    return count;
  }
};

void load(EventLog& log, const v1::RecordsReply& rows) {
  auto reader = log.reader();
  while (reader.step(rows)) {
  }
  log.load(reader);
}

struct Fixture {
  Database database;
  EventLog log{
      {.cluster_max = 30, .topology_max = 10, .all_max = 60, .pending_max = 50, .write_max = 20}};
  Fixture() { log.begin(1); }
  stdx::Status write() {
    const auto answer = database.commit(log.next_write());
    log.answered(answer);
    return answer;
  }
  std::vector<std::string> whats(const std::string& scope = "", std::uint64_t after = 0,
                                 std::size_t limit = 1000) const {
    std::vector<std::string> list;
    for (const auto& e : log.list(scope, after, limit)) list.push_back(e.what());
    return list;
  }
};
using Whats = std::vector<std::string>;

TEST(EventLogTest, TheNextLeaderGoesOnWithWhatTheFormerOneWroteAndWithHigherNumbers) {
  Fixture f;
  f.log.note(event("t", "submitted"));
  f.log.note(event("", "zhost dead"));
  f.log.note(event("t", "running"));
  EXPECT_EQ(f.whats(), (Whats{"submitted", "zhost dead", "running"})) << "before they are written";
  ASSERT_TRUE(f.write());
  EXPECT_EQ(f.database.rows.size(), 2u) << "one row for the topology, one for the cluster";
  const auto last = f.log.list("", 0, 10).back().number();
  EventLog next(EventLog::Options{});
  next.begin(2);
  load(next, f.database.read());
  next.note(event("t", "stopped"));
  const auto all = next.list("", 0, 10);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[1].what(), "zhost dead");
  EXPECT_GT(all[3].number(), last);
  EXPECT_EQ(next.list("t", 0, 10).size(), 3u);
  EXPECT_EQ(next.list(EventLog::of_cluster, 0, 10).size(), 1u);
  EXPECT_EQ(next.topology_named("name of t"), "t");
}

TEST(EventLogTest, WhoFollowsGetsTheOldestAfterWhatItHasAndElseTheNewest) {
  Fixture f;
  for (const char* what : {"a", "b", "c", "d"}) f.log.note(event("t", what));
  EXPECT_EQ(f.whats("t", 0, 2), (Whats{"c", "d"}));
  const auto first = f.log.list("t", 0, 10).front().number();
  EXPECT_EQ(f.whats("t", first, 2), (Whats{"b", "c"}));
}

TEST(EventLogTest, TheNewestOfAllTopologiesAreThoseOfTheWholeListHoweverRowsAreInterleaved) {
  Fixture f;
  for (int i = 0; i < 60; ++i) {
    f.log.note(event(stdx::format("t{}", i % 7), "what " + std::to_string(i)));
    if (i % 11 == 10) {
      ASSERT_TRUE(f.write());
    }
  }
  const auto all = f.log.list("", 0, 1000);
  ASSERT_EQ(all.size(), 60u);
  for (std::size_t limit = 1; limit <= all.size(); ++limit) {
    const auto newest = f.log.list("", 0, limit);
    ASSERT_EQ(newest.size(), limit);
    EXPECT_EQ(newest.front().number(), all[all.size() - limit].number());
    const auto next = f.log.list("", all[limit - 1].number(), 5);
    EXPECT_EQ(next.size(), std::min<std::size_t>(5, all.size() - limit));
    if (limit < all.size()) {
      EXPECT_EQ(next.front().number(), all[limit].number());
    }
  }
}

TEST(EventLogTest, EachTopologyTheClusterAndAllTogetherAreBoundedAndTheOldestGo) {
  Fixture f;
  f.log.note(event("", "leader changed"));
  f.log.note(event("quiet", "submitted"));
  for (int i = 0; i < 200; ++i) {
    f.log.note(event("loud", "what " + std::to_string(i)));
    if (i % 3 == 0) {
      ASSERT_TRUE(f.write());
    }
  }
  ASSERT_TRUE(f.write());
  EXPECT_LE(f.whats("loud").size(), 10u);
  EXPECT_EQ(f.whats("loud").back(), "what 199");
  EXPECT_EQ(f.whats("quiet").size(), 1u) << "a loud one pushes no other out";
  EXPECT_EQ(f.whats(EventLog::of_cluster).size(), 1u);
  for (int t = 0; t < 30; ++t)
    for (int i = 0; i < 5; ++i) {
      f.log.note(event(stdx::format("t{}", t), "what " + std::to_string(i)));
      ASSERT_TRUE(f.write());
    }
  EXPECT_LE(f.log.list("", 0, 1000).size(), 61u);
  EXPECT_EQ(f.database.events(), f.log.list("", 0, 1000).size()) << "no row stays behind";
  EXPECT_EQ(f.log.dropped(), 0u);
}

TEST(EventLogTest, WhatWaitsIsBoundedAndWhatIsPushedOutIsCounted) {
  Fixture f;
  for (int i = 0; i < 60; ++i) f.log.note(event("t", "what " + std::to_string(i)));
  EXPECT_EQ(f.log.dropped(), 10u);
  EXPECT_EQ(f.whats("t").front(), "what 10");
}

TEST(EventLogTest, TheSameOfManySpacesOneAfterTheOtherIsOneEvent) {
  Fixture f;
  for (int i = 0; i < 1000; ++i) f.log.note(event("t", "running", "s" + std::to_string(i)));
  const auto all = f.log.list("t", 0, 10);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].count(), 1000u);
  EXPECT_EQ(all[0].spaces_size(), 5);
  f.log.note(event("t", "moved", "s1"));
  f.log.note(event("t", "running", "s1"));
  EXPECT_EQ(f.whats("t"), (Whats{"running", "moved", "running"})) << "in its order";
}

TEST(EventLogTest, ABatchOfUnknownOutcomeIsThereOnceHoweverItWent) {
  for (const bool arrived : {true, false}) {
    Fixture f;
    f.log.note(event("t", "submitted"));
    const auto request = f.log.next_write();
    if (arrived) {
      ASSERT_TRUE(f.database.commit(request));
    }
    f.log.answered(stdx::fail(Code::unknown, "the link broke"));
    EXPECT_TRUE(f.log.wants_to_write());
    f.write();
    EXPECT_FALSE(f.log.wants_to_write());
    EXPECT_EQ(f.database.events(), 1u);
    EXPECT_EQ(f.whats("t"), Whats{"submitted"});
    EXPECT_EQ(f.log.dropped(), 0u);
  }
}

TEST(EventLogTest, ABatchThatWasUnderWayWhenTheRecordsAreReadAgainIsNotWrittenTwice) {
  for (const bool arrived : {true, false}) {
    Fixture f;
    f.log.note(event("t", "submitted"));
    const auto request = f.log.next_write();
    if (arrived) {
      ASSERT_TRUE(f.database.commit(request));
    }
    load(f.log, f.database.read());
    EXPECT_EQ(f.log.wants_to_write(), !arrived);
    if (!arrived) {
      EXPECT_TRUE(f.write());
    }
    EXPECT_EQ(f.database.events(), 1u);
    EXPECT_EQ(f.whats("t"), Whats{"submitted"});
  }
}

TEST(EventLogTest,
     ABatchThatReachesTheDatabaseAfterTheRecordsWereReadAgainCostsNoEventOfALaterOne) {
  Fixture f;
  const auto note = [&](int i) { f.log.note(event("t", "what " + std::to_string(i))); };
  for (int i = 0; i < 10; ++i) {
    note(i);
    ASSERT_TRUE(f.write());
  }
  note(10);
  const auto late = f.log.next_write();
  ASSERT_EQ(late.changes_size(), 2) << "it removes the oldest row as well";
  load(f.log, f.database.read());
  ASSERT_TRUE(f.database.commit(late)) << "it comes now";
  f.write();  // the same again: it is there
  for (int i = 11; i < 15; ++i) {
    note(i);
    for (int tries = 0; f.log.wants_to_write() && tries < 3; ++tries) f.write();
  }
  EXPECT_FALSE(f.log.wants_to_write());
  EXPECT_EQ(f.log.dropped(), 0u);
  EXPECT_LE(f.database.events(), 11u) << "and the bound is kept";
  Whats wanted;
  for (int i = 5; i < 15; ++i) wanted.push_back("what " + std::to_string(i));
  EXPECT_EQ(f.whats("t", 0, 10), wanted);
  EventLog next(EventLog::Options{});
  load(next, f.database.read());
  EXPECT_EQ(next.list("t", 0, 1).front().what(), "what 14") << "written, too";
}

TEST(EventLogTest, ManyRowsAreReadAndFreedInParts) {
  Fixture f;
  EventLog log(EventLog::Options{});
  log.begin(1);
  Database database;
  for (int i = 0; i < 5000; ++i) {
    log.note(event(stdx::format("t{}", i / 100), "what " + std::to_string(i)));
    if (i % 100 == 99) log.answered(database.commit(log.next_write()));
  }
  const auto rows = database.read();
  EventLog next(EventLog::Options{});
  for (int times = 0; times < 2; ++times) {
    auto reader = next.reader();
    int steps = 1;
    while (reader.step(rows)) ++steps;
    EXPECT_GE(steps, 9);
    EXPECT_EQ(next.list("", 0, 10'000).size(), times == 0 ? 0u : 5000u) << "until all are read";
    next.load(reader);
    EXPECT_EQ(next.list("", 0, 10'000).size(), 5000u);
    int parts = 1;
    while (reader.discard()) ++parts;
    EXPECT_EQ(parts >= 9, times == 1) << "what was there before";
  }
}

TEST(EventLogTest, AZrmsThatDoesNotLeadKnowsWhatItWasToldWithinTheBounds) {
  Fixture f;
  f.log.note(event("t", "submitted"));
  v1::EventsTold news;
  news.set_term(2);
  for (std::uint64_t i = 0; i < 25; ++i) {
    auto& e = *news.add_events();
    e = event("t", "what " + std::to_string(i));
    e.set_number(1000 + i);
  }
  EventLog other({.topology_max = 10});
  other.told(news);
  other.told(news);
  EXPECT_EQ(other.list("t", 0, 100).size(), 10u);
  EXPECT_EQ(other.list("t", 0, 100).back().what(), "what 24");
}

TEST(EventLogTest, RowsThatAreNoEventsAreLeftAlone) {
  Fixture f;
  v1::RecordsReply reply;
  auto& bad = *reply.add_records();
  bad.set_kind("events");
  bad.set_key("t/1");
  bad.set_value("\xff no event");
  reply.add_records()->set_kind("topology");
  load(f.log, reply);
  EXPECT_TRUE(f.log.empty());
}

// --- what rows mean ---

struct Rows : TestRecords {
  Rows() {
    model::Topology spec;
    spec.name = "app";
    spec.owner = "test";
    for (const char* name : {"x", "y", "z"}) {
      auto& space = spec.spaces.emplace_back();
      space.name = space.entry = name;
    }
    model::normalize(spec);
    topology(spec);
    for (const char* name : {"x", "y", "z"}) space(name, "a", 1);
  }
  RowChange change(const std::string& name, const std::string& zhost, std::uint64_t epoch,
                   const std::string& state, const std::string& why) const {
    const auto* row = records.space("t", name);
    auto next = row->record;
    next.set_zhost(zhost);
    next.set_epoch(epoch);
    next.set_state(state);
    next.set_reason(why);
    return change_of(*row, next);
  }
};

TEST(EventNotesTest, SpacesThatMovedForOneReasonAreOneEventAndOthersAreOfTheirOwn) {
  Rows rows;
  const auto events =
      events_of(rows.records, {rows.change("x", "b", 2, "placed", "zhost a failed"),
                               rows.change("y", "b", 2, "placed", "zhost a failed"),
                               rows.change("z", "a", 2, "placed", "failed on a: trap")});
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].what(), "moved");
  EXPECT_EQ(events[0].topology(), "app");
  EXPECT_EQ(events[0].count(), 2u);
  EXPECT_EQ(events[0].from_zhost(), "a");
  EXPECT_EQ(events[0].zhost(), "b");
  EXPECT_EQ(events[0].why(), "zhost a failed");
  EXPECT_EQ(events[0].epoch(), 0u) << "of one space only";
  EXPECT_EQ(events[1].what(), "restarted");
  EXPECT_EQ(events[1].why(), "failed on a: trap");
  EXPECT_EQ(events[1].epoch(), 2u);
}

TEST(EventNotesTest, AStateThatStaysIsNoEvent) {
  Rows rows;
  EXPECT_TRUE(events_of(rows.records, {rows.change("x", "a", 1, "running", "")}).empty());
  const auto waits =
      events_of(rows.records, {rows.change("x", "a", 1, "waiting", "data on zhost a")});
  ASSERT_EQ(waits.size(), 1u);
  EXPECT_EQ(waits[0].what(), "waiting");
  EXPECT_EQ(waits[0].why(), "data on zhost a");
}

TEST(EventNotesTest, ATopologyIsSubmittedRunsIsAskedToStopAndIsDeleted) {
  Rows rows;
  const auto* row = rows.records.topology("t");
  auto next = row->record;
  next.set_state("running");
  EXPECT_EQ(events_of(rows.records, {change_of(*row, next)}).at(0).what(), "running");
  next.set_desired(v1::DESIRED_STOPPED);
  EXPECT_EQ(events_of(rows.records, {change_of(*row, next)}).at(0).what(), "stop asked");
  EXPECT_EQ(events_of(rows.records, {removal_of(*row)}).at(0).what(), "deleted");
  EXPECT_EQ(events_of(Records(), {change_of(TopologyRow(), next)}).at(0).what(), "submitted");
  EXPECT_TRUE(events_of(rows.records, {change_of(*row, row->record)}).empty());
}

TEST(EventNotesTest, AnUpdateBeginsEndsOrIsRolledBackAndSaysFromWhichVersionToWhich) {
  Rows rows;
  const auto* row = rows.records.topology("t");
  auto record = row->record;
  const auto step = [&](const char* what, v1::UpdateState state, std::uint64_t from,
                        std::uint64_t to, const char* reason = "") {
    Records before = rows.records;
    before.apply({change_of(*row, record)});
    record.add_history()->set_what(what);
    record.mutable_update()->set_state(state);
    record.mutable_update()->set_from(from);
    record.mutable_update()->set_to(to);
    record.mutable_update()->set_reason(reason);
    const auto events = events_of(before, {change_of(*row, record)});
    return events.size() == 1 ? events[0].what() + ": " + events[0].why()
                              : stdx::format("{} events", events.size());
  };
  EXPECT_EQ(step("update", v1::UPDATE_ROLLING, 1, 2), "update begun: version 1 to 2");
  EXPECT_EQ(step("update", v1::UPDATE_DONE, 1, 2), "update done: version 1 to 2");
  EXPECT_EQ(step("restart", v1::UPDATE_ROLLING, 2, 3), "restart asked: version 2 to 3");
  EXPECT_EQ(step("restart", v1::UPDATE_DONE, 2, 3), "restart done: version 2 to 3");
  EXPECT_EQ(step("update", v1::UPDATE_ROLLING, 3, 4), "update begun: version 3 to 4");
  EXPECT_EQ(step("back to version 3", v1::UPDATE_ROLLING_BACK, 4, 5, "space x failed on a: trap"),
            "rolling back: version 4 failed: space x failed on a: trap");
  EXPECT_EQ(step("back to version 3", v1::UPDATE_ROLLED_BACK, 4, 5),
            "rolled back: version 4 failed; version 5 is the one before it again");
  EXPECT_EQ(step("rollback to version 1", v1::UPDATE_ROLLING, 5, 6),
            "rollback begun: version 5 to 6");
  EXPECT_EQ(step("delete, data kept", v1::UPDATE_DONE, 6, 7),
            "deleted: its data is kept until `topo purge`");
  EXPECT_EQ(step("delete, data kept", v1::UPDATE_DONE, 6, 7), "0 events");
}

}  // namespace
}  // namespace zrms
