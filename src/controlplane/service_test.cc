// SPDX-License-Identifier: Apache-2.0
#include "controlplane/service.h"

#include <gtest/gtest.h>

#include "controlplane/testing/linked_control_plane.h"
#include "samoza/v1/tokens.pb.h"
#include "wire/access_table.h"

namespace controlplane {
namespace {

using namespace std::chrono_literals;
using Fixture = LinkedControlPlane;

TEST(ControlPlaneTest, EachRouteHasARowInTheTableOfRights) {
  Fixture f;
  EXPECT_EQ(wire::access_findings("zmesh-controlplane", f.service->routes()),
            std::vector<std::string>());
}

// R-HTTP-2, R-JOIN-3, R-SVC-1: POST /v1/register gives the supers and the peers.
TEST(ControlPlaneTest, RJoin2RegisterAnswersWithSupersAndPeers) {
  Fixture f;
  EXPECT_EQ(f.post("a", 1).status, 200);
  const auto response = f.post("b", 1);
  v1::RegisterReply reply;
  ASSERT_TRUE(wire::from_json(response.body, reply));
  EXPECT_EQ(reply.peers_size(), 2);
  ASSERT_EQ(reply.supers_size(), 2);
  EXPECT_EQ(reply.supers(0), "a");
}

TEST(ControlPlaneTest, RJoinEveryConnectedZmeshHearsOfANewMember) {
  Fixture f;
  f.post("b", 1);
  f.world.run_for(100ms);
  ASSERT_FALSE(f.got().empty());
  EXPECT_EQ(f.got().back().method(), "controlplane.changed");
  EXPECT_EQ(wire::parse<v1::MembersChanged>(f.got().back().body())->peers(0).zhost_id(), "b");
}

// R-ROLE-4: a zhost belongs to the cluster that it names.
TEST(ControlPlaneTest, AClusterThatStartsIsToldOfItsMembersAFewTimesAndNotForEachOne) {
  Fixture f;
  const auto begun = f.world.now();
  for (int i = 0; i < 40; ++i) f.post("n" + std::to_string(i), 1);
  const auto took = f.world.now() - begun;
  f.world.run_for(100ms);
  std::size_t told = 0;
  for (const auto& event : f.got()) told += event.method() == "controlplane.changed";
  EXPECT_LE(told, static_cast<std::size_t>(took / MemberAnnouncer::announce_every) + 2);
  std::set<std::string> named;
  int sent = 0;
  for (const auto& event : f.got()) {
    const auto members = *wire::parse<v1::MembersChanged>(event.body());
    for (const auto& peer : members.peers()) named.insert(peer.zhost_id());
    sent += members.peers_size();
  }
  EXPECT_EQ(named.size(), 40u);
  EXPECT_EQ(sent, 40) << "each is told once, not all of them at each announcement";
}

TEST(ControlPlaneTest, WhoMissedWhatChangedAsksForTheWholeListOfMembers) {
  Fixture f;
  f.post("a", 1);
  f.post("b", 1);
  f.world.run_for(100ms);
  const auto answer = f.ask("controlplane.members", v1::MembersRequest().SerializeAsString());
  const auto members = wire::parse<v1::MembersChanged>(answer.body());
  ASSERT_TRUE(members);
  EXPECT_EQ(members->peers_size(), 2);
  EXPECT_EQ(members->base(), 0u);
  EXPECT_GT(members->sequence(), 0u);
}

TEST(ControlPlaneTest, RJoinAnOlderIncarnationAndAnotherClusterAreRefused) {
  Fixture f;
  EXPECT_EQ(f.post("a", 5).status, 200);
  EXPECT_NE(f.post("a", 4).status, 200);
  EXPECT_EQ(f.post("a", 6).status, 200);
  EXPECT_NE(f.post("c", 1, "other").status, 200);
}

TEST(ControlPlaneTest, ARevokedAccessTokenIsToldAtOnceAndWithEachRegistration) {
  Fixture f;
  f.database.cas_term(0, 3, "a/1/1");
  ASSERT_EQ(f.post("a", 1).status, 200);
  f.world.run_for(3s);
  std::vector<std::string> told;
  f.service->on_revoked = [&](std::vector<std::string> tokens) { told = std::move(tokens); };
  const auto write = [&](const std::string& id, std::uint64_t expires, const std::string& revoked) {
    v1::TokenRecord token;
    token.set_id(id);
    token.set_expires(expires);
    token.set_revoked(revoked);
    v1::CommitRequest request;
    request.set_term(3);
    auto* change = request.add_changes();
    change->set_kind("token");
    change->set_key(id);
    change->set_value(token.SerializeAsString());
    f.got().clear();
    EXPECT_EQ(f.ask("controlplane.commit", request.SerializeAsString()).status().code(), 0);
  };
  constexpr std::uint64_t long_ago = 1, far = 4'000'000'000;
  write("00000000000000a1", far, "");
  write("00000000000000a2", long_ago, "2020-01-01T00:00:00Z");
  write("00000000000000a3", far, "2026-01-01T00:00:00Z");
  f.world.run_for(200ms);
  const std::vector<std::string> wanted{"00000000000000a3/4000000000"};
  EXPECT_EQ(told, wanted) << "neither a valid one nor one that has expired anyway";
  ASSERT_EQ(f.got().back().method(), "controlplane.changed");
  const auto members = wire::parse<v1::MembersChanged>(f.got().back().body());
  EXPECT_EQ(
      std::vector<std::string>(members->revoked_tokens().begin(), members->revoked_tokens().end()),
      wanted);
  v1::RegisterReply reply;
  ASSERT_TRUE(wire::from_json(f.post("b", 1).body, reply));
  ASSERT_EQ(reply.revoked_tokens_size(), 1);
  EXPECT_EQ(reply.revoked_tokens(0), wanted[0]);
}

TEST(ControlPlaneTest, AMemberHasANameAndSaysLittle) {
  Fixture f;
  EXPECT_EQ(f.post("a b", 1).status, 400);
  EXPECT_EQ(f.post(std::string(64, 'a'), 1).status, 400);
  v1::RegisterRequest request;
  request.set_cluster_id("test");
  request.mutable_member()->set_zhost_id("a");
  request.mutable_member()->set_incarnation(1);
  request.mutable_member()->add_devices(std::string(3000, 'x'));
  const auto answer = f.ask("controlplane.register", request.SerializeAsString());
  EXPECT_EQ(answer.status().code(), static_cast<int>(stdx::Code::invalid));
}

TEST(ControlPlaneTest, AZhostGetsItsCertificatesByATokenAndLaterByItsKeyAlsoAfterARestart) {
  Fixture f;
  const auto key = f.certifier.make_key();
  EXPECT_EQ(f.certify("z", key, false).status, 403);
  EXPECT_EQ(f.certify("z", key, true).status, 200);
  EXPECT_EQ(f.certify("z", f.certifier.make_key(), false).status, 403);
  f.start();
  EXPECT_EQ(f.certify("z", key, false).status, 200) << "its key is in the records";
  EXPECT_EQ(f.runtime.metrics.counter("samoza_controlplane_certificates_refused_total", "").value(),
            2u);
}

TEST(ControlPlaneTest, AKeyThatWasProvedBeforeTheRecordsOpenedIsWrittenOnceTheStoreTakesIt) {
  Fixture f;
  EXPECT_EQ(f.post("a", 1).status, 200);
  f.start();
  const auto key = f.certifier.make_key();
  EXPECT_EQ(f.certify("z", key, true).status, 200);
  // The write that opens the records is the last one that the store takes.
  f.database.fault = [&f, before = f.database.revision()] {
    using adapters::store_memory::Fault;
    return f.database.revision() > before ? Fault::unavailable : Fault::none;
  };
  EXPECT_EQ(f.post("a", 2).status, 503);
  f.world.run_for(2s);
  f.database.fault = {};
  f.world.run_for(2 * Options().poll_interval + 100ms);  // no call of the store is under way
  f.start();
  EXPECT_EQ(f.certify("z", key, false).status, 200) << "its key is in the records";
}

TEST(ControlPlaneTest, CertificatesAreRenewedWhileTheStoreIsAwayAndNobodyJoins) {
  Fixture f;
  const auto key = f.certifier.make_key();
  EXPECT_EQ(f.certify("z", key, true).status, 200);
  f.database.fault = [] { return adapters::store_memory::Fault::unavailable; };
  EXPECT_EQ(f.certify("z", key, false).status, 200);
  EXPECT_EQ(f.certify("y", f.certifier.make_key(), true).status, 503);
  f.database.fault = {};
  EXPECT_EQ(f.certify("y", f.certifier.make_key(), true).status, 200);
}

// Two zhosts of one id, say from a copied state_dir: both have its certificate.
// A zhost that never leads decides nothing of what the records are, nor lets others in.
TEST(ControlPlaneTest, AZhostOfRoleLocalIsDeniedWhatOnlyZhostsMayAskThatMayLead) {
  Fixture f;
  v1::KeyRecord key;
  key.set_key_hash(stdx::Bytes(32, 'k'));
  key.set_role("local");
  f.store.commit({}, {{"key", "a", 0, key.SerializeAsString()}}, [](auto) {});
  f.world.run_for(5s);
  for (const char* method : {"cas_term", "commit", "forget", "mark", "recover", "backup", "restore",
                             "join_token_make", "join_tokens", "join_token_revoke"}) {
    f.got().clear();
    const auto reply = f.ask(std::string("controlplane.") + method, "");
    EXPECT_EQ(reply.status().code(), static_cast<int>(stdx::Code::denied)) << method;
    EXPECT_NE(reply.status().message().find("zhost 'a' joined with a token of role `local`"),
              std::string::npos)
        << method << ": " << reply.status().message();
  }
}

TEST(ControlPlaneTest, P15ARegistrationThatKnowsOfMoreMakesItBehindAndItSaysSoEverywhere) {
  Fixture f;
  EXPECT_EQ(f.post("a", 1).status, 200);
  v1::RegisterRequest request;
  request.set_cluster_id("test");
  request.mutable_member()->set_zhost_id("a");
  request.mutable_member()->set_incarnation(2);
  request.mutable_known()->set_lineage("another");
  request.mutable_known()->set_counter(1);
  const auto refused = f.ask("controlplane.register", request.SerializeAsString());
  EXPECT_EQ(refused.status().code(), static_cast<int>(stdx::Code::unavailable));
  EXPECT_NE(refused.status().message().find("the records are behind: zhost 'a'"),
            std::string::npos);
  const auto before = f.database.revision();
  f.got().clear();
  v1::CasTermRequest take;
  take.set_next_term(1);
  take.set_next_holder("a/2/1");
  EXPECT_NE(f.ask("controlplane.cas_term", take.SerializeAsString()).status().code(), 0);
  f.got().clear();
  v1::CommitRequest commit;
  EXPECT_NE(f.ask("controlplane.commit", commit.SerializeAsString()).status().code(), 0);
  EXPECT_EQ(f.post("b", 1).status, 503) << "nobody is admitted";
  EXPECT_EQ(f.database.revision(), before);
  std::optional<ports::HttpResponse> health;
  f.service->handle({.method = "GET", .path = "/healthz", .query = {}, .headers = {}, .body = {}},
                    [&](ports::HttpResponse r) { health = std::move(r); });
  ASSERT_TRUE(health);
  EXPECT_EQ(health->status, 503);
  EXPECT_NE(health->body.find("cluster recover"), std::string::npos);
}

TEST(ControlPlaneTest, WithoutItsStoreItSaysSoAndAnswersWithTheStoresError) {
  Fixture f;
  f.database.fault = [] { return adapters::store_memory::Fault::unavailable; };
  EXPECT_EQ(f.post("a", 1).status, 503);
  f.database.fault = {};
  EXPECT_EQ(f.post("a", 1).status, 200);
}

}  // namespace
}  // namespace controlplane
