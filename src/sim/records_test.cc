// SPDX-License-Identifier: Apache-2.0
// P15: databases that go back to an older copy, lose what came last, or are emptied.
#include <gtest/gtest.h>

#include "sim/running_cluster.h"

namespace sim {
namespace {

using Content = adapters::store_memory::Database::Content;

struct Records : Running {
  void put(const Content& content) {
    cluster.kill_control_plane();
    cluster.database.put(content);
    cluster.start_control_plane();
  }
  // A space of "t" moves, as its zhost goes away and comes back.
  void move_x() {
    const auto first = home("x");
    cluster.kill_zhost(first);
    EXPECT_TRUE(cluster.world.run_until_true(
        [&] {
          const auto live = cluster.instances("x");
          return live.size() == 1 && cluster.leader() >= 0;
        },
        60s));
    cluster.start_zhost(first);
    EXPECT_TRUE(settle(60s));
  }
  bool behind(stdx::Duration bound = 20s) {
    return cluster.world.run_until_true([&] { return cluster.records_behind(); }, bound);
  }
  bool open(stdx::Duration bound = 30s) {
    return cluster.world.run_until_true([&] { return cluster.records_open(); }, bound);
  }
  std::size_t copies(const std::string& space) { return cluster.instances(space).size(); }
};

TEST(RecordsTest, P15ACopyThatIsPutBackIsFoundToBeBehindAndRunsNothingTwice) {
  Records r;
  const auto copy = r.cluster.database.copy();
  r.move_x();
  r.put(copy);
  ASSERT_TRUE(r.behind());
  r.cluster.world.run_for(60s);
  EXPECT_TRUE(r.cluster.records_behind()) << "only an operator ends it";
  EXPECT_EQ(r.copies("x"), 1u);
  EXPECT_EQ(r.copies("y"), 1u);
  const auto answer = r.get(0, "/v1/topologies");
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(answer.body.find("the records are behind"), std::string::npos) << answer.body;
  EXPECT_NE(answer.body.find("cluster recover"), std::string::npos);
}

TEST(RecordsTest, P15AfterRecoverTheCopyAndWhatZhostsRunAreOneClusterAgain) {
  Records r;
  const auto copy = r.cluster.database.copy();
  r.move_x();
  const auto before = r.cluster.instances("x");
  r.put(copy);
  ASSERT_TRUE(r.behind());
  r.cluster.world.run_for(10s);
  const auto answer = r.ask(1, "POST", "/v1/cluster/recover");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_TRUE(r.open());
  ASSERT_TRUE(r.settle(60s));
  EXPECT_EQ(r.cluster.instances("x"), before) << "it runs on where it ran";
  EXPECT_EQ(r.cluster.activations.missing_or_twice(), "");
  EXPECT_LT(r.submit(2, "later").status, 300);
  EXPECT_EQ(r.ask(1, "POST", "/v1/cluster/recover").status, 409) << "there is nothing to recover";
}

TEST(RecordsTest, P15AnEmptiedDatabaseIsNoEmptyClusterAndRecoverTakesEverythingOver) {
  Records r;
  r.move_x();
  const auto x = r.cluster.instances("x"), y = r.cluster.instances("y");
  r.put({});
  ASSERT_TRUE(r.behind());
  r.cluster.world.run_for(30s);
  EXPECT_EQ(r.submit(0, "again").status, 503);
  ASSERT_EQ(r.ask(0, "POST", "/v1/cluster/recover").status, 200);
  ASSERT_TRUE(r.settle(60s));
  EXPECT_EQ(r.cluster.instances("x"), x);
  EXPECT_EQ(r.cluster.instances("y"), y);
  EXPECT_NE(r.get(0, "/v1/topologies").body.find("\"name\":\"t\""), std::string::npos);
  EXPECT_LT(r.submit(2, "later").status, 300);
}

TEST(RecordsTest, P15ALostTailThatOnlyOneAbsentZhostKnowsOfNeverGivesOneEpochTwice) {
  Records r;
  const auto copy = r.cluster.database.copy();
  const auto first = r.home("x");
  // It moves to a zhost that then is cut off, so nobody who is left has heard of that.
  r.cluster.kill_zhost(first);
  ASSERT_TRUE(r.cluster.world.run_until_true([&] { return r.copies("x") == 1; }, 60s));
  const auto second = r.home("x");
  for (std::size_t z = 0; z < r.cluster.size(); ++z) {
    if (z == second) continue;
    r.cluster.network.cut(Cluster::id(second), Cluster::id(z));
    r.cluster.network.cut(Cluster::id(z), Cluster::id(second));
  }
  r.cluster.checker.absent(Cluster::id(second));
  r.cluster.network.cut(Cluster::id(second), "cp");
  r.cluster.network.cut("cp", Cluster::id(second));
  r.cluster.kill_control_plane();
  for (std::size_t z = 0; z < r.cluster.size(); ++z)
    if (z != second && z != first) {
      r.cluster.kill_zhost(z);
      r.cluster.forget_records(z);
      r.cluster.start_zhost(z);
    }
  r.cluster.forget_records(first);
  r.cluster.start_zhost(first);
  r.put(copy);
  ASSERT_TRUE(r.open()) << "two of three are there, and neither knows of more";
  r.cluster.world.run_for(40s);
  EXPECT_EQ(r.copies("x"), 2u) << "the one that is cut off runs on, older than the other";
  r.cluster.network.heal_all();
  r.cluster.checker.present(Cluster::id(second));
  r.cluster.checker.disturbed(Cluster::id(second), r.cluster.world.now());
  EXPECT_TRUE(r.behind(30s)) << "now it is known that something was lost";
  ASSERT_EQ(r.ask(first, "POST", "/v1/cluster/recover").status, 200);
  EXPECT_TRUE(r.settle(90s));
}

TEST(RecordsTest, P15AControlPlaneThatStartsAnewWithItsLeaderThereNeitherWaitsNorChangesAnything) {
  Records r;
  const auto lineage = r.cluster.database.copy().rows.at({"lineage", ""}).value;
  const auto term = r.cluster.database.term().term;
  r.cluster.kill_control_plane();
  r.cluster.world.run_for(500ms);
  r.cluster.start_control_plane();
  EXPECT_TRUE(r.open(5s));
  r.cluster.world.run_for(10s);
  EXPECT_EQ(r.cluster.database.term().term, term);
  EXPECT_EQ(r.cluster.database.copy().rows.at({"lineage", ""}).value, lineage);
}

TEST(RecordsTest, P15OneOfThreeMembersAloneOpensNothingUntilAnotherComes) {
  Records r;
  r.cluster.kill_control_plane();
  for (std::size_t z = 0; z < 3; ++z) r.cluster.kill_zhost(z);
  r.cluster.start_control_plane();
  r.cluster.start_zhost(0);
  r.cluster.world.run_for(60s);
  EXPECT_FALSE(r.cluster.records_open());
  const auto answer = r.get(0, "/v1/topologies");
  EXPECT_NE(answer.body.find("waits for more than half"), std::string::npos) << answer.body;
  r.cluster.start_zhost(1);
  EXPECT_TRUE(r.open());
  EXPECT_TRUE(r.settle(90s));
}

}  // namespace
}  // namespace sim
