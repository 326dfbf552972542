// SPDX-License-Identifier: Apache-2.0
// How a space is stopped: on_close, also in a guest that never returns from on_process by itself.
#include <gtest/gtest.h>

#include "guest_abi/table.h"
#include "zrun/testing/fake_cluster.h"

namespace zrun {
namespace {

// Loops for ever in on_process around `waits`; returns when that says that the space is stopping,
// unless it is stubborn. Emits "closed" in on_close.
class Loops final : public simkit::StubGuest {
 public:
  struct Told {
    std::vector<std::int32_t> results;  // of the call that waits
    int closed = 0;                     // times on_close ran
  };
  Loops(std::string waits, bool stubborn, Told& told)
      : waits_(std::move(waits)), stubborn_(stubborn), told_(told) {}
  bool has(const std::string& function) const override {
    return function == "on_process" || function == "on_close";
  }
  void begin(const std::string& function) override { closing_ = function == "on_close"; }
  std::optional<simkit::GuestCall> next(std::int32_t result) override {
    if (closing_) {
      if (told_.closed++ == 0 && waits_ != "net.emit_to") return emit("out", "closed");
      return std::nullopt;
    }
    if (waiting_) told_.results.push_back(result);
    waiting_ = true;
    if (!told_.results.empty() && told_.results.back() == guest_abi::e_closed && !stubborn_) {
      waiting_ = false;
      return std::nullopt;
    }
    if (waits_ == "net.recv_next") return receive();
    if (waits_ == "net.emit_to") return emit("out", "x");
    return sleep(3'600'000);
  }

 private:
  std::string waits_;
  bool stubborn_, closing_ = false, waiting_ = false;
  Told& told_;
};

struct StopCluster : FakeCluster {
  Loops::Told told;
  std::vector<simkit::SinkEntry> none;

  StopCluster(const std::string& waits, bool stubborn,
              model::Delivery delivery = model::Delivery::at_least_once)
      : FakeCluster(5, {"a"}) {
    auto& topology = disk.topology;
    topology.name = "stop";
    topology.owner = "test";
    for (const char* name : {"looper", "other"}) {
      auto& space = topology.spaces.emplace_back();
      space.name = space.entry = name;
      space.type = model::SpaceType::data;
      space.limits.mailbox_messages = 4;
    }
    topology.paths = {{"out", "looper", "other", delivery}};
    model::normalize(topology);
    guests = [this, waits, stubborn](const std::string&) {
      return std::make_unique<Loops>(waits, stubborn, told);
    };
    start_zrun("a");
    EXPECT_EQ(place("looper", "a", 1), "accepted");
    tell_directory();
    world.run_for(500ms);
  }
  const Space* looper() { return zrun["a"]->service->spaces().space("", "looper"); }
  void stop() {
    v1::StopCommand command;
    command.mutable_header()->set_topology_id(id);
    command.mutable_header()->set_space("looper");
    command.mutable_header()->set_epoch(1);
    EXPECT_EQ(zrun["a"]->service->stop(command).outcome(), "accepted");
  }
  bool stops_within(stdx::Duration bound) {
    return world.run_until_true([&] { return looper() == nullptr; }, bound);
  }
};

// Of the one reason for a long start that an operator cannot see otherwise.
TEST(SpaceStartTest, AModuleThatTakesLongToCompileIsToldUntilTheSpaceRuns) {
  StopCluster cluster("net.recv_next", false);
  cluster.zrun.at("a")->engine.compile_takes = 5s;
  EXPECT_EQ(cluster.place("other", "a", 2), "accepted");
  const auto detail = [&] {
    return cluster.zrun.at("a")->service->spaces().space("", "other")->detail();
  };
  cluster.world.run_for(500ms);
  EXPECT_EQ(detail(), "");
  cluster.world.run_for(1s);
  EXPECT_NE(detail().find("module is being compiled"), std::string::npos) << detail();
  cluster.world.run_for(5s);
  EXPECT_EQ(detail(), "");
}

TEST(StopTest, S17AStopWhoseNamesAreNoneOrLeadOutOfAFolderRemovesNothing) {
  StopCluster f("net.recv_next", /*stubborn=*/false);
  v1::StopCommand command;
  command.set_remove_data(true);
  for (auto [topology, space] : {std::pair{std::string("../t"), std::string("looper")},
                                 {f.id, "../x"},
                                 {f.id, ""},
                                 {f.id, "a/b"},
                                 {"", "looper"},
                                 {f.id, std::string(64, 'a')}}) {
    command.mutable_header()->set_topology_id(topology);
    command.mutable_header()->set_space(space);
    command.mutable_header()->set_epoch(9);
    const auto reply = f.zrun["a"]->service->stop(command);
    EXPECT_EQ(reply.outcome(), "refused") << topology << " " << space;
    EXPECT_EQ(reply.reason(), "a stop names topology_id and space");
  }
  EXPECT_NE(f.looper(), nullptr);
  command.mutable_header()->set_space("nobody");
  EXPECT_EQ(f.zrun["a"]->service->stop(command).outcome(), "already");
}

// R-ABI-21: on_close cleans up, whatever the guest was doing.
TEST(StopTest, RAbiAGuestThatWaitsInOnProcessHearsThatItIsStoppingAndOnCloseRuns) {
  for (const char* waits : {"net.recv_next", "net.emit_to", "sys.sleep"}) {
    StopCluster cluster(waits, /*stubborn=*/false);
    ASSERT_NE(cluster.looper(), nullptr);
    EXPECT_EQ(cluster.looper()->state(), SpaceState::running);
    cluster.stop();
    ASSERT_TRUE(cluster.stops_within(100ms)) << waits;
    EXPECT_EQ(cluster.told.results.back(), guest_abi::e_closed) << waits;
    EXPECT_GE(cluster.told.closed, 1) << waits;
  }
}

TEST(StopTest, RAbiInATransactionalSpaceWhatOnCloseSendsIsCommitted) {
  StopCluster cluster("net.recv_next", /*stubborn=*/false, model::Delivery::once);
  cluster.stop();
  ASSERT_TRUE(cluster.stops_within(100ms));
  EXPECT_EQ(cluster.told.results, (std::vector<std::int32_t>{guest_abi::e_closed}));
  const auto& records = cluster.stored["a"].at({model::TopologyId(cluster.id), "looper"})->records;
  EXPECT_TRUE(std::any_of(records.begin(), records.end(),
                          [](const auto& record) { return record.second == "closed"; }));
}

TEST(StopTest, RCfgAGuestThatDoesNotReturnIsEndedAtTheDeadlineOfOnClose) {
  StopCluster cluster("net.recv_next", /*stubborn=*/true);
  cluster.stop();
  EXPECT_FALSE(cluster.stops_within(1900ms));
  EXPECT_TRUE(cluster.stops_within(200ms));
  EXPECT_EQ(cluster.told.closed, 0);
  EXPECT_EQ(cluster.told.results.size(), 1u) << "it was told once, and waited on";
}

// As where its zhost was paused: the leader said it again, and then placed the space anew. Found by
// `zsim --seed 164`: the newer instance was gone, and startz waited for it for ever.
TEST(StopTest, P8AStopThatComesTwiceDoesNotEndTheInstanceThatIsPlacedRightBehindIt) {
  StopCluster cluster("sys.sleep", /*stubborn=*/false);
  cluster.place("looper", "a", 1);
  cluster.world.run_for(1s);
  auto& zrun = *cluster.zrun["a"]->service;
  zrun.stop(cluster.stop_command("looper", 1));
  ASSERT_TRUE(cluster.world.run_until_true(
      [&] {
        const auto* space = zrun.spaces().space("stop", "looper");
        return space != nullptr && space->is_over();
      },
      10s));
  EXPECT_EQ(zrun.stop(cluster.stop_command("looper", 1)).outcome(), "accepted");
  EXPECT_EQ(cluster.place("looper", "a", 2), "accepted");
  cluster.world.run_for(1s);
  const auto* space = zrun.spaces().space("stop", "looper");
  ASSERT_NE(space, nullptr);
  EXPECT_EQ(space->id().epoch.value, 2u);
  EXPECT_EQ(space->state(), SpaceState::running);
}

}  // namespace
}  // namespace zrun
