// SPDX-License-Identifier: Apache-2.0
// Updates of a topology, as the reconciler rolls them out to zhosts that obey.
#include <gtest/gtest.h>

#include <set>

#include "model/topology_update.h"
#include "stdx/text.h"
#include "zrms/reconciler.h"
#include "zrms/testing/records.h"
#include "zrms/versions.h"

namespace zrms {
namespace {

using namespace std::chrono_literals;

model::Space space(const std::string& name, const std::string& content = "1") {
  model::Space made;
  made.name = name;
  made.content = content;
  return made;
}

model::Topology of(std::vector<model::Space> spaces, std::vector<model::Path> paths = {}) {
  model::Topology topology;
  topology.name = "t";
  topology.spaces = std::move(spaces);
  topology.paths = std::move(paths);
  model::normalize(topology);
  model::define(topology);
  return topology;
}

// Two zhosts that run what they are told; `bad` names versions whose spaces fail on them.
struct Cluster {
  struct Instance {
    std::uint64_t epoch = 0, version = 0;
    std::uint32_t restarts = 0;
    std::string state = "running";
  };
  TestRecords rows;
  ClusterManager cluster{{}};
  RecoveryManager recovery;
  std::vector<v1::Member> members;
  Reconciler reconciler{{}};
  stdx::Instant now{};
  std::uint64_t counter = 0;
  std::map<std::string, std::map<std::string, Instance>> runs;  // zhost, space
  std::map<std::string, std::map<std::string, std::uint64_t>> floors;
  std::set<std::pair<std::string, std::uint64_t>> bad;  // space, version
  std::size_t most_not_running = 0;
  std::set<std::string> reasons;    // of the topology
  std::vector<std::string> placed;  // "a@2" in order: space, version

  explicit Cluster(const model::Topology& spec) {
    for (const char* id : {"a", "b"}) {
      auto& member = members.emplace_back();
      member.set_zhost_id(id);
      member.set_incarnation(1);
    }
    report();
    rows.topology(spec);
    settle();
    most_not_running = 0;
    placed.clear();
  }
  const TopologyRow& topology() { return *rows.records.topology("t"); }
  const v1::SpaceRecord& row(const std::string& name) {
    return rows.records.space("t", name)->record;
  }
  v1::UpdateState state() { return topology().record.update().state(); }

  void report() {
    for (const char* id : {"a", "b"}) {
      v1::ResourceReport report;
      report.set_zhost(id);
      report.set_incarnation(1);
      report.set_counter(++counter);
      for (const auto& [name, instance] : runs[id]) {
        auto* seen = report.add_spaces();
        seen->set_topology_id("t");
        seen->set_space(name);
        seen->set_epoch(instance.epoch);
        seen->set_state(instance.state);
        seen->set_restarts(instance.restarts);
        seen->set_last_failure(instance.restarts > 0 ? "trap" : "");
      }
      for (const auto& [name, floor] : floors[id]) {
        if (runs[id].contains(name)) continue;
        auto* known = report.add_floors();
        known->set_topology_id("t");
        known->set_space(name);
        known->set_epoch(floor);
      }
      v1::Beat beat;
      beat.set_zhost(id);
      beat.set_incarnation(1);
      beat.set_counter(counter);
      cluster.beat(beat, now);
      cluster.report(report, now);
    }
  }
  void obey(const Plan& plan) {
    for (const auto& places : plan.commands.places) {
      for (const auto& command : places.batch.commands()) {
        const auto& name = command.header().space();
        auto& floor = floors[places.zhost][name];
        if (command.header().epoch() <= floor) continue;
        floor = command.header().epoch();
        auto& instance = runs[places.zhost][name];
        if (command.replaces() != 0) {
          EXPECT_EQ(command.replaces(), instance.epoch) << name;
        }
        instance = {command.header().epoch(), command.topology_version(), 0, "running"};
        placed.push_back(name + "@" + std::to_string(instance.version));
        if (bad.contains({name, instance.version})) instance.restarts = 1;
      }
      reconciler.answered(places.zhost, places.bytes, places.names, now);
    }
    for (const auto& stop : plan.commands.stops) {
      const auto& header = stop.command.header();
      auto& floor = floors[header.zhost()][header.space()];
      floor = std::max(floor, header.epoch());
      auto& there = runs[header.zhost()];
      if (there.contains(header.space()) && there[header.space()].epoch <= header.epoch())
        there.erase(header.space());
      reconciler.answered(header.zhost(), stop.bytes, stop.names, now);
    }
  }
  std::size_t running() const {
    std::size_t count = 0;
    for (const auto& [zhost, spaces] : runs) count += spaces.size();
    return count;
  }
  void step() {
    const auto plan = reconciler.plan({rows.records, cluster, recovery, members, 7, "now"}, now);
    std::set<std::string> keys;
    for (const auto& change : plan.changes)
      EXPECT_TRUE(keys.insert(change.kind + change.key).second)
          << change.key << " twice in a batch";
    obey(plan);
    rows.records.apply(plan.changes);
    reasons.insert(topology().record.reason());
    report();
    std::size_t wait = 0;
    for (const auto& [key, known] : rows.records.spaces()) wait += known.record.state() == "placed";
    most_not_running = std::max(most_not_running, wait);
    now += 100ms;
  }
  void settle() {
    for (int i = 0; i < 400; ++i) step();
  }
  void bring(const model::Topology& next, const std::string& what = "update") {
    NextVersion version;
    version.updated = *model::update(topology().spec(), next);
    version.what = what;
    rows.records.apply(keep_present(rows.records, topology()));
    rows.records.apply({change_of(topology(), next_record(topology(), version, "now"),
                                  text_of(version.updated.topology))});
  }
};

const auto first = of({space("w"), space("x"), space("y"), space("z")});

TEST(RollUpdateTest, WhatIsTheSameRunsOnAndWhatChangedIsReplacedOneByOneWhereItIs) {
  Cluster c(first);
  const auto x = c.row("x"), y = c.row("y");
  c.bring(of({space("w"), space("x", "2"), space("y", "2"), space("z")}));
  c.settle();
  EXPECT_EQ(c.state(), v1::UPDATE_DONE);
  EXPECT_EQ(c.topology().record.state(), "running");
  EXPECT_EQ(c.placed, (std::vector<std::string>{"x@2", "y@2"}));
  EXPECT_EQ(c.most_not_running, 1u) << "one at a time";
  EXPECT_TRUE(c.reasons.contains("space x runs in version 1; version 2 takes its place"))
      << stdx::format("{}", fmt::join(c.reasons, "; "));
  for (const auto& reason : c.reasons)
    EXPECT_EQ(reason.find(": running"), std::string::npos) << "a state is no reason: " << reason;
  EXPECT_EQ(c.row("x").zhost(), x.zhost());
  EXPECT_EQ(c.row("x").epoch(), x.epoch() + 1);
  EXPECT_EQ(c.row("x").replaces(), x.epoch());
  EXPECT_EQ(c.row("w").epoch(), 1u);
  EXPECT_EQ(c.row("y").epoch(), y.epoch() + 1);
}

TEST(RollUpdateTest, AVersionThatFailsBringsTheFormerOneBackAndTouchesNothingMore) {
  Cluster c(first);
  c.bad.insert({"x", 2});
  c.bring(of({space("w", "2"), space("x", "2"), space("y", "2"), space("z", "2")}));
  c.settle();
  EXPECT_EQ(c.state(), v1::UPDATE_ROLLED_BACK);
  EXPECT_NE(c.topology().record.update().reason().find("space x failed"), std::string::npos);
  EXPECT_EQ(c.topology().spec().version, 3u);
  EXPECT_EQ(c.topology().record.state(), "running");
  EXPECT_EQ(c.placed, (std::vector<std::string>{"w@2", "x@2", "w@3", "x@3"}));
  EXPECT_EQ(c.row("y").epoch(), 1u) << "it was not replaced yet, and never is";
  EXPECT_EQ(c.row("x").last_failure(), "trap");
  EXPECT_EQ(c.row("x").last_failure_version(), 2u);
  EXPECT_EQ(c.row("x").last_failure_at(), "now");
  EXPECT_EQ(c.row("x").definition(), model::mark_of(first.spaces[1]));
  EXPECT_EQ(c.topology().record.history_size(), 3);
}

TEST(RollUpdateTest, NewSpacesArePlacedAndRemovedOnesLeaveLastAndKeepTheirRow) {
  Cluster c(first);
  c.bring(of({space("w", "2"), space("x"), space("new"), space("z")}));
  c.settle();
  EXPECT_EQ(c.state(), v1::UPDATE_DONE);
  EXPECT_EQ(c.placed, (std::vector<std::string>{"new@2", "w@2"}));
  EXPECT_EQ(c.row("y").state(), "removed");
  EXPECT_EQ(c.running(), 4u);
  // It comes back where it was, with a higher epoch.
  const auto zhost = c.row("y").zhost();
  c.bring(first);
  c.settle();
  EXPECT_EQ(c.row("y").state(), "running");
  EXPECT_EQ(c.row("y").zhost(), zhost);
  EXPECT_EQ(c.row("y").epoch(), 2u);
}

// As TopologyApi::purge writes it.
void purge(Cluster& c, const std::string& name) {
  const auto* row = c.rows.records.space("t", name);
  auto next = row->record;
  next.set_tombstone(true);
  next.set_epoch(next.epoch() + 1);
  c.rows.records.apply({change_of(*row, std::move(next))});
}

TEST(RollUpdateTest, P3ASpaceThatWasPurgedAndComesBackGoesOnFromItsEpoch) {
  Cluster c(first);
  c.bring(of({space("w"), space("x"), space("z")}));
  c.settle();
  purge(c, "y");
  c.settle();
  EXPECT_EQ(c.row("y").state(), "removed");
  EXPECT_FALSE(c.row("y").tombstone());
  EXPECT_FALSE(keeps_something(c.rows.records.space("t", "y"))) << "nothing to purge again";
  const auto epoch = c.row("y").epoch();
  EXPECT_GT(epoch, 1u);
  // Zhosts that forgot it meanwhile, as after their floors were dropped.
  for (auto& [zhost, known] : c.floors) known.erase("y");
  c.bring(first);
  c.settle();
  EXPECT_EQ(c.row("y").state(), "running");
  EXPECT_GT(c.row("y").epoch(), epoch);
  EXPECT_EQ(c.running(), 4u);
}

TEST(RollUpdateTest, ASpaceThatComesBackWhileItIsPurgedWaitsForThat) {
  Cluster c(first);
  c.bring(of({space("w"), space("x"), space("z")}));
  c.settle();
  purge(c, "y");
  c.bring(first);
  c.settle();
  EXPECT_EQ(c.row("y").state(), "running");
  EXPECT_FALSE(c.row("y").tombstone());
  EXPECT_GT(c.row("y").epoch(), 2u);
}

TEST(RollUpdateTest, WhatIsPromisedOfAZhostIsWhatRunsThereWhateverUpdatesChange) {
  const auto sized = [](const char* name, std::uint64_t mib, const char* content = "1") {
    auto made = space(name, content);
    made.limits.memory_bytes = mib << 20;
    return made;
  };
  Cluster c(of({sized("w", 64), sized("x", 256), sized("y", 64)}));
  const auto promised = [&] {
    std::uint64_t all = 0;
    for (const auto* zhost : {"a", "b"}) all += c.rows.records.load_of(zhost).memory_bytes;
    return all >> 20;
  };
  EXPECT_EQ(promised(), 384u);
  c.bring(of({sized("w", 64), sized("x", 64), sized("y", 256)}));
  c.settle();
  EXPECT_EQ(promised(), 384u);
  c.bring(of({sized("w", 64), sized("y", 256)}));
  c.settle();
  EXPECT_EQ(promised(), 320u);
  // One that takes over counts the same, in whatever order it reads the rows.
  Records fresh;
  v1::RecordsReply rows;
  for (const auto& [key, row] : c.rows.records.spaces()) {
    auto* out = rows.add_records();
    out->set_kind("space");
    out->set_key(key.first + "/" + key.second);
    out->set_value(row.record.SerializeAsString());
    out->set_version(1);
  }
  auto* out = rows.add_records();
  out->set_kind("topology");
  out->set_key("t");
  auto record = c.topology().record;
  *record.mutable_spec() = wire::to_wire(c.topology().spec());
  out->set_value(record.SerializeAsString());
  out->set_version(1);
  fresh.load(rows);
  for (const auto* zhost : {"a", "b"})
    EXPECT_EQ(fresh.load_of(zhost).memory_bytes, c.rows.records.load_of(zhost).memory_bytes);
}

TEST(RollUpdateTest, ANewSpaceThatFailsTakesTheUpdateBackAndNothingWasStopped) {
  Cluster c(first);
  c.bad.insert({"new", 2});
  c.bring(of({space("w"), space("x"), space("new"), space("z")}));
  c.settle();
  EXPECT_EQ(c.state(), v1::UPDATE_ROLLED_BACK);
  EXPECT_EQ(c.row("y").epoch(), 1u);
  EXPECT_EQ(c.row("y").state(), "running");
  EXPECT_EQ(c.row("new").state(), "removed");
}

TEST(RollUpdateTest, ARestartReplacesEachSpaceOnceAndALeaderThatTakesOverGoesOn) {
  Cluster c(first);
  NextVersion next;
  next.updated = *model::restart(c.topology().spec(), {});
  c.rows.records.apply(keep_present(c.rows.records, c.topology()));
  c.rows.records.apply({change_of(c.topology(), next_record(c.topology(), next, "now"),
                                  text_of(next.updated.topology))});
  for (int i = 0; i < 25; ++i) c.step();
  c.reconciler.reset();  // another leader
  c.settle();
  EXPECT_EQ(c.state(), v1::UPDATE_DONE);
  EXPECT_EQ(c.placed, (std::vector<std::string>{"w@2", "x@2", "y@2", "z@2"}));
}

TEST(RollUpdateTest, AnUpdateOfAStoppedTopologyIsInForceWhenItStarts) {
  Cluster c(first);
  auto stopped = c.topology().record;
  stopped.set_desired(v1::DESIRED_STOPPED);
  c.rows.records.apply({change_of(c.topology(), stopped)});
  c.settle();
  EXPECT_EQ(c.running(), 0u);
  c.bring(of({space("w", "2"), space("x")}));
  c.settle();
  EXPECT_EQ(c.running(), 0u);
  EXPECT_EQ(c.state(), v1::UPDATE_DONE);
  auto started = c.topology().record;
  started.set_desired(v1::DESIRED_RUNNING);
  started.set_state("pending");
  c.rows.records.apply({change_of(c.topology(), started)});
  c.settle();
  EXPECT_EQ(c.placed, (std::vector<std::string>{"w@2", "x@2"}));
  EXPECT_EQ(c.topology().record.state(), "running");
}

TEST(RollUpdateTest, FiveFormerVersionsAreKeptAndTheirArchivesWithThem) {
  Cluster c(first);
  for (int n = 2; n <= 9; ++n) {
    NextVersion version;
    version.updated =
        *model::update(c.topology().spec(),
                       of({space("w", std::to_string(n)), space("x"), space("y"), space("z")}));
    version.mex_sha256 = "archive " + std::to_string(n);
    c.rows.records.apply(keep_present(c.rows.records, c.topology()));
    c.rows.records.apply(drop_oldest(c.rows.records, "t"));
    c.rows.records.apply({change_of(c.topology(), next_record(c.topology(), version, "now"),
                                    text_of(version.updated.topology))});
    c.settle();
  }
  EXPECT_EQ(c.rows.records.versions("t").size(), versions_kept);
  EXPECT_EQ(c.rows.records.versions("t").begin()->first, 4u);
  // "", from which x, y and z still run, the present one and those of five former versions.
  EXPECT_EQ(c.topology().archives.size(), 6u);
  EXPECT_EQ(back_to(c.rows.records, c.topology(), 2).error().code, stdx::Code::not_found);
  EXPECT_TRUE(back_to(c.rows.records, c.topology(), 4));
}

}  // namespace
}  // namespace zrms
