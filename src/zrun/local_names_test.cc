// SPDX-License-Identifier: Apache-2.0
// One module in two spaces, whose paths the topology calls otherwise (`out`, `in` of a path).
#include <gtest/gtest.h>

#include "zrun/testing/fake_cluster.h"

namespace zrun {
namespace {

// Passes each message on along "next", with what it calls the path that it came by.
class Stage final : public simkit::StubGuest {
 public:
  explicit Stage(std::vector<std::string>& seen) : seen_(seen) {}
  std::optional<simkit::GuestCall> next(std::int32_t result) override {
    if (std::exchange(step_, 1 - step_) == 0) return receive();
    const auto message = received(result);
    seen_.push_back(message.path);
    return emit("next", message.text);
  }

 private:
  std::vector<std::string>& seen_;
  int step_ = 0;
};

TEST(LocalNamesTest, EachGuestCallsItsPathsAsTheTopologySaysForItsEnd) {
  FakeCluster cluster(3, {"a", "b"});
  auto& topology = cluster.disk.topology;
  topology.name = "line";
  topology.owner = "test";
  for (const char* name : {"one", "two", "sink", "source"}) {
    auto& space = topology.spaces.emplace_back();
    space.name = space.entry = name;
  }
  topology.paths = {
      {"into-one", "source", "one"}, {"one-two", "one", "two"}, {"end", "two", "sink"}};
  for (auto& path : topology.paths) {
    path.out = path.from == "source" ? "" : "next";
    path.in = "work";
  }
  model::normalize(topology);
  ASSERT_TRUE(model::validate(topology).empty()) << model::validate(topology)[0];
  std::vector<std::string> seen;
  std::vector<simkit::SinkEntry> log;
  int taken = 0;
  cluster.guests = [&](const std::string& role) -> std::unique_ptr<simkit::StubGuest> {
    if (role == "source") return std::make_unique<simkit::SourceGuest>("into-one", 3, 1, taken);
    if (role == "sink") return std::make_unique<simkit::SinkGuest>(log, 0);
    return std::make_unique<Stage>(seen);
  };
  for (const auto* zhost : {"a", "b"}) cluster.start_zrun(zhost);
  for (const auto& [space, zhost] :
       {std::pair{"source", "a"}, {"one", "a"}, {"two", "b"}, {"sink", "b"}})
    EXPECT_EQ(cluster.place(space, zhost, 1), "accepted");
  cluster.tell_directory();
  EXPECT_TRUE(cluster.world.run_until_true([&] { return log.size() == 3; }, 20s));
  EXPECT_EQ(seen, std::vector<std::string>(6, "work"));
  // From outside a path has the name that the topology gives it, which is unique there.
  v1::SendRequest request;
  request.set_topology("line");
  request.set_from("two");
  request.set_path("next");
  request.set_payload("4");
  stdx::Status sent;
  const auto emit = [&] {
    cluster.zrun.at("b")->service->outside_requests().send_along_path(
        request, [&](stdx::Status s) { sent = std::move(s); });
  };
  emit();
  EXPECT_EQ(sent.error().code, stdx::Code::denied);
  request.set_path("end");
  emit();
  EXPECT_TRUE(sent);
  EXPECT_TRUE(cluster.world.run_until_true([&] { return log.size() == 4; }, 20s));
}

}  // namespace
}  // namespace zrun
