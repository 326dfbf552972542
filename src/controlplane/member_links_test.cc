// SPDX-License-Identifier: Apache-2.0
#include "controlplane/member_links.h"

#include <gtest/gtest.h>

#include "controlplane/testing/linked_control_plane.h"

namespace controlplane {
namespace {

using namespace std::chrono_literals;
using Fixture = LinkedControlPlane;

TEST(ControlPlaneTest, AHelloWithoutAGoodNameEndsItsLink) {
  Fixture f;
  for (const auto& name : {std::string(64, 'a'), std::string("a/b"), std::string()}) {
    FakeZmesh zmesh(f.world, f.network, "a", name);
    EXPECT_TRUE(f.world.run_until_true([&] { return zmesh.closed; }, 1s)) << name.size();
    EXPECT_TRUE(zmesh.nonce.empty()) << "it hears nothing";
  }
}

TEST(ControlPlaneTest, ALinkSpeaksForTheZhostOfItsCertificateAndNoOther) {
  Fixture f;
  FakeZmesh stranger(f.world, f.network, "b", "a");
  ASSERT_TRUE(f.world.run_until_true([&] { return stranger.closed; }, 1s));
  EXPECT_TRUE(stranger.nonce.empty());
  EXPECT_TRUE(stranger.got.empty());
  EXPECT_EQ(f.runtime.metrics.counter("samoza_controlplane_unproved_links_total", "").value(), 1u);
  EXPECT_EQ(f.ask("controlplane.read_term", "").status().code(), 0) << "the link of a stays";
  f.got().clear();
  v1::RegisterRequest request;
  request.set_cluster_id("test");
  request.mutable_member()->set_zhost_id("b");
  request.mutable_member()->set_incarnation(1);
  EXPECT_EQ(f.ask("controlplane.register", request.SerializeAsString()).status().code(),
            static_cast<int>(stdx::Code::denied));
}

TEST(ControlPlaneTest, LinksThatSayNothingHoldABoundedNumberOfPlacesForFiveSeconds) {
  Fixture f;
  std::vector<std::unique_ptr<ports::Link>> silent;
  std::vector<std::unique_ptr<simkit::Process>> zhosts;
  std::vector<std::unique_ptr<ports::Transport>> transports;
  std::size_t closed = 0;
  for (std::size_t i = 0; i < MemberLinks::unproved_max + 1; ++i) {
    if (i % MemberLinks::unproved_of_one_max == 0) {
      zhosts.push_back(std::make_unique<simkit::Process>(f.world, stdx::format("s{}", i), "zmesh"));
      transports.push_back(f.network.transport(*zhosts.back(), "127.0.0.1"));
    }
    transports.back()->connect(
        {ports::Endpoint::Kind::websocket, "127.0.0.9", 9000, "/ws"}, [&](auto made) {
          silent.push_back(std::move(*made));
          silent.back()->start({.on_frame = {},
                                .on_closed = [&](const stdx::Error&) { ++closed; },
                                .on_writable = {}});
        });
  }
  f.world.run_for(1s);
  EXPECT_EQ(closed, 1u);
  EXPECT_EQ(f.ask("controlplane.read_term", "").status().code(), 0);
  f.world.run_for(MemberLinks::hello_timeout);
  EXPECT_EQ(closed, MemberLinks::unproved_max + 1);
  FakeZmesh b(f.world, f.network, "b", "b");
  EXPECT_TRUE(f.world.run_until_true([&] { return !b.got.empty(); }, 1s));
}

TEST(ControlPlaneTest, RJoin2ARegistrationIsTakenFromTheZhostThatItNamesAndElseNot) {
  Fixture f;
  for (const auto& wrong : {ports::Identity{}, ports::Identity{"test", Fixture::Role::data, "a"},
                            ports::Identity{"test", Fixture::Role::zhost, "b"},
                            ports::Identity{"test", Fixture::Role::operator_role, "a"}}) {
    EXPECT_EQ(f.post("a", 1, "test", "", wrong).status, 401) << ports::describe(wrong);
  }
  EXPECT_EQ(f.post("a", 1, "test", "no such link").status, 503);
  EXPECT_EQ(f.post("a", 1, "test", f.zmesh_a->nonce).status, 200);
  EXPECT_EQ(f.post("b", 1, "test", f.zmesh_a->nonce).status, 503) << "the link of another";
  f.zmesh_a->link.reset();
  f.world.run_for(100ms);
  EXPECT_EQ(f.post("a", 1, "test", f.zmesh_a->nonce).status, 503) << "a link that is gone";
}

TEST(ControlPlaneTest, RJoinWhoIsRefusedDoesNotTakeTheAnswersOfTheZhostWhoseIdItHas) {
  Fixture f;
  const auto answers_a = [&] {
    f.got().clear();
    return f.ask("controlplane.read_term", "").is_response();
  };
  EXPECT_EQ(f.post("a", 5, "test", f.zmesh_a->nonce).status, 200);
  FakeZmesh twin(f.world, f.network, "a", "a");
  f.world.run_for(100ms);
  EXPECT_EQ(f.post("a", 1, "test", twin.nonce).status, 409);
  twin.got.clear();
  EXPECT_TRUE(answers_a());
  f.post("b", 1);
  f.world.run_for(100ms);
  EXPECT_TRUE(twin.got.empty()) << "nor its events";
  EXPECT_EQ(f.post("b", 2, "test", twin.nonce).status, 503) << "its link is of another";
  // It is taken once it is the newer one, and when it goes the other is not left mute.
  EXPECT_EQ(f.post("a", 6, "test", twin.nonce).status, 200);
  f.post("c", 1);
  f.world.run_for(100ms);
  EXPECT_FALSE(twin.got.empty());
  FakeZmesh third(f.world, f.network, "a", "a");
  f.world.run_for(100ms);
  EXPECT_EQ(f.post("a", 2, "test", third.nonce).status, 409);
  twin.link.reset();
  f.world.run_for(100ms);
  EXPECT_TRUE(answers_a());
}

TEST(ControlPlaneTest, RJoinAZhostThatIsConnectedIsNotDisplacedByASecondOneOfItsId) {
  Fixture f;
  EXPECT_EQ(f.post("a", 5, "test", f.zmesh_a->nonce).status, 200);
  FakeZmesh twin(f.world, f.network, "a", "a");
  f.world.run_for(100ms);
  const auto refused = f.post("a", 6, "test", twin.nonce, std::nullopt, 9301);
  EXPECT_EQ(refused.status, 409);
  EXPECT_NE(refused.body.find("two zhosts have the same id; stop one of them"), std::string::npos)
      << refused.body;
  f.zmesh_a->link.reset();
  f.world.run_for(100ms);
  EXPECT_EQ(f.post("a", 6, "test", twin.nonce, std::nullopt, 9301).status, 200)
      << "the other one has gone: this is it, at a new address";
}

}  // namespace
}  // namespace controlplane
