// SPDX-License-Identifier: Apache-2.0
// What a guest is told by data.* where its buffer is small, with and without transactions.
#include <gtest/gtest.h>

#include "guest_abi/table.h"
#include "zrun/testing/fake_cluster.h"

namespace zrun {
namespace {

// Puts the key "key", then lists into a buffer of 6 bytes, one of 7, and behind "key".
class ListGuest final : public simkit::StubGuest {
 public:
  explicit ListGuest(std::vector<std::int32_t>& results) : results_(results) {
    memory.replace(0, 3, "key");
  }
  std::optional<simkit::GuestCall> next(std::int32_t result) override {
    if (step_ > 1) results_.push_back(result);
    switch (step_++) {
      case 0:
        return simkit::GuestCall{"data.put", {0, 3, 0, 3}};
      case 1:
        return simkit::GuestCall{"data.list", {0, 0, 0, 0, 100, 6}};
      case 2:
        return simkit::GuestCall{"data.list", {0, 0, 0, 0, 100, 7}};
      case 3:
        return simkit::GuestCall{"data.list", {0, 0, 0, 3, 100, 6}};
      default:
        return sleep(1000);
    }
  }

 private:
  std::vector<std::int32_t>& results_;
  int step_ = 0;
};

struct OneStore : FakeCluster {
  std::vector<std::int32_t> results;
  explicit OneStore(bool transactional) : FakeCluster(1, {"a"}) {
    auto& topology = disk.topology;
    topology.name = "flow";
    topology.owner = "test";
    for (const char* name : {"sink", "store"}) {
      auto& space = topology.spaces.emplace_back();
      space.name = space.entry = name;
      space.type = model::SpaceType::data;
      space.capabilities = {"data.read", "data.write"};
      space.store = model::StoreKind::local;
    }
    topology.paths = {{"out", "store", "sink",
                       transactional ? model::Delivery::once : model::Delivery::at_least_once}};
    model::normalize(topology);
    guests = [this](const std::string&) { return std::make_unique<ListGuest>(results); };
    start_zrun("a");
    world.run_for(200ms);
    EXPECT_EQ(place("store", "a", 1), "accepted");
    EXPECT_TRUE(world.run_until_true([&] { return results.size() >= 3; }, 5s))
        << zrun["a"]->service->spaces().list().at(0)->detail();
  }
};

// 0 is the end: said where a key did not fit, it hides that key and all behind it.
// R-ABI-11, R-ANG-10: keys are listed, and found by a prefix.
TEST(AbiDataTest, RAbiListSaysThatTheBufferIsTooSmallAndNotThatItIsTheEnd) {
  for (const bool transactional : {false, true}) {
    SCOPED_TRACE(transactional);
    OneStore cluster(transactional);
    ASSERT_GE(cluster.results.size(), 3u);
    EXPECT_EQ(cluster.results[0], guest_abi::e_too_small);
    EXPECT_EQ(cluster.results[1], 7);
    EXPECT_EQ(cluster.results[2], 0);
  }
}

// Losing a local store is never hidden by starting empty.
TEST(AbiDataTest, AStoreThatIsGoneFailsItsSpaceAndSaysWhatToDoUntilItIsBack) {
  OneStore cluster(false);
  auto kept = std::exchange(cluster.stored["a"], {});
  const auto store = [&] {
    return cluster.zrun["a"]->service->spaces().space(cluster.id, "store");
  };
  ASSERT_EQ(cluster.place("store", "a", 2, 1, /*data_expected=*/true), "accepted");
  ASSERT_TRUE(
      cluster.world.run_until_true([&] { return store()->state() == SpaceState::failed; }, 5s));
  EXPECT_TRUE(store()->detail().starts_with("data of space store is gone from zhost a: "))
      << store()->detail();
  EXPECT_TRUE(cluster.stored["a"].empty()) << "nothing was begun in its stead";
  cluster.stored["a"] = std::move(kept);
  ASSERT_EQ(cluster.place("store", "a", 3, 1, true), "accepted");
  EXPECT_TRUE(
      cluster.world.run_until_true([&] { return store()->state() == SpaceState::running; }, 5s));
}

}  // namespace
}  // namespace zrun
