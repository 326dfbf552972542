// SPDX-License-Identifier: Apache-2.0
#include "controlplane/service.h"

#include <gtest/gtest.h>

#include "controlplane/testing/test_control_plane.h"
#include "samoza/v1/tokens.pb.h"
#include "stdx/encoding.h"
#include "wire/access_table.h"
#include "wire/certify.h"
#include "wire/frame.h"
#include "wire/json.h"

namespace controlplane {
namespace {

using namespace std::chrono_literals;

// A zmesh that opens the WebSocket, by its certificate the zhost `of`, and says it is `named`.
struct FakeZmesh {
  simkit::Process process;
  std::unique_ptr<ports::Transport> transport;
  std::unique_ptr<ports::Link> link;
  stdx::Bytes nonce;  // of the control plane
  bool closed = false;
  std::vector<v1::Envelope> got;

  FakeZmesh(simkit::World& world, simkit::Network& network, const std::string& of,
            const std::string& named)
      : process(world, of, "zmesh"), transport(network.transport(process, "127.0.0.1")) {
    transport->connect({ports::Endpoint::Kind::websocket, "127.0.0.9", 9000, "/ws"},
                       [this, named](auto made) {
                         link = std::move(*made);
                         link->start({.on_frame = [this](const stdx::Bytes& f) { frame(f); },
                                      .on_closed = [this](const stdx::Error&) { closed = true; },
                                      .on_writable = {}});
                         v1::Hello hello;
                         hello.set_service("zmesh");
                         hello.set_zhost(named);
                         link->send(wire::encode_frame(wire::FrameKind::hello, hello));
                       });
  }
  void frame(const stdx::Bytes& frame) {
    const auto kind = *wire::frame_kind(frame);
    if (kind == wire::FrameKind::envelope) got.push_back(*wire::parse_frame<v1::Envelope>(frame));
    if (kind == wire::FrameKind::hello) nonce = wire::parse_frame<v1::Hello>(frame)->nonce();
  }
};

struct Fixture : TestControlPlane {
  std::unique_ptr<FakeZmesh> zmesh_a;

  std::vector<v1::Envelope>& got() { return zmesh_a->got; }

  Fixture() : TestControlPlane(/*with_tls=*/false) {
    zmesh_a = std::make_unique<FakeZmesh>(world, network, "a", "a");
    world.run_for(100ms);
    got().clear();
  }
  using Role = ports::CertificateRole;
  // `link`: the nonce that names one; `caller`: another than the zhost itself.
  ports::HttpResponse post(const std::string& zhost, std::uint64_t incarnation,
                           const std::string& cluster = "test", const std::string& link = "",
                           std::optional<ports::Identity> caller = std::nullopt,
                           std::uint32_t port = 0) {
    v1::RegisterRequest request;
    request.set_cluster_id(cluster);
    request.mutable_member()->set_zhost_id(zhost);
    request.mutable_member()->set_incarnation(incarnation);
    request.mutable_member()->set_port(port);
    request.mutable_known();
    ports::HttpRequest http{.method = "POST",
                            .path = "/v1/register",
                            .query = {},
                            .headers = {},
                            .body = wire::to_json(request),
                            .caller = caller.value_or(ports::Identity{"test", Role::zhost, zhost})};
    if (!link.empty()) http.headers["samoza-link"] = stdx::hex_encode(link);
    return answer(std::move(http));
  }
  ports::HttpResponse certify(const std::string& zhost, const stdx::Bytes& key, bool with_token,
                              const std::string& former = "") {
    v1::CertifyRequest request;
    request.set_cluster_id("test");
    request.set_zhost(zhost);
    request.set_request(*certifier.make_request(key));
    request.set_data_request(*certifier.make_request(certifier.make_key()));
    request.set_former(former);
    if (with_token) {
      request.set_token_id(token.id);
      request.set_token_secret(token.secret);
    }
    request.set_signature(*certifier.sign(key, wire::signed_part(request)));
    return answer({.method = "POST",
                   .path = "/v1/certificates",
                   .query = {},
                   .headers = {},
                   .body = wire::to_json(request)});
  }
  v1::Envelope ask(const std::string& method, const stdx::Bytes& body) {
    v1::Envelope envelope;
    *envelope.mutable_from() = rpc::address("forged", "zrms");
    *envelope.mutable_to() = rpc::address("", "controlplane");
    envelope.set_request_id(7);
    envelope.set_method(method);
    envelope.set_body(body);
    zmesh_a->link->send(wire::encode_frame(wire::FrameKind::envelope, envelope));
    const auto answered = [&] { return !got().empty() && got().back().is_response(); };
    EXPECT_TRUE(world.run_until_true(answered, 5s));
    return got().back();
  }
};

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

TEST(ControlPlaneTest, P6TheTermChangesByCompareAndSetAndTheLeaderIsAnnounced) {
  Fixture f;
  f.post("a", 1);
  v1::CasTermRequest request;
  request.set_next_term(1);
  request.set_next_holder("a/1/1");
  const auto first = f.ask("controlplane.cas_term", request.SerializeAsString());
  EXPECT_EQ(first.status().code(), 0);
  EXPECT_EQ(first.to().zhost(), "a") << "an answer goes to the link's zhost, whatever it claims";
  f.world.run_for(100ms);
  EXPECT_EQ(wire::parse<v1::MembersChanged>(f.got().back().body())->leader(), "a");
  const auto second = f.ask("controlplane.cas_term", request.SerializeAsString());
  EXPECT_EQ(second.status().code(), static_cast<int>(stdx::Code::conflict));
}

TEST(ControlPlaneTest, P15AZhostThatHasNotSaidWhatItKnowsTakesNoTerm) {
  Fixture f;
  v1::CasTermRequest request;
  request.set_next_term(1);
  request.set_next_holder("a/1/1");
  EXPECT_EQ(f.ask("controlplane.cas_term", request.SerializeAsString()).status().code(),
            static_cast<int>(stdx::Code::unavailable));
  f.post("a", 1);
  f.world.run_for(100ms);
  f.got().clear();
  EXPECT_EQ(f.ask("controlplane.cas_term", request.SerializeAsString()).status().code(), 0);
}

TEST(ControlPlaneTest, P7ABatchIsCheckedAgainstTheTermAndReadBack) {
  Fixture f;
  f.database.cas_term(0, 3, "a/1/1");
  v1::CommitRequest request;
  request.set_term(2);
  auto* change = request.add_changes();
  change->set_kind("space");
  change->set_key("t/x");
  change->set_value("v");
  EXPECT_EQ(f.ask("controlplane.commit", request.SerializeAsString()).status().code(),
            static_cast<int>(stdx::Code::stale));
  f.got().clear();
  request.set_term(3);
  EXPECT_EQ(f.ask("controlplane.commit", request.SerializeAsString()).status().code(), 0);
  f.got().clear();
  const auto read = wire::parse<v1::RecordsReply>(
      f.ask("controlplane.read_since", v1::ReadSinceRequest().SerializeAsString()).body());
  ASSERT_EQ(read->records_size(), 2);
  EXPECT_EQ(read->records(0).kind(), "lineage");
  EXPECT_EQ(read->records(1).version(), 1u);
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

TEST(ControlPlaneTest, P7RecordsThatFitNoFrameAreReadInPages) {
  Fixture f;
  for (int i = 0; i < 9; ++i) {
    const stdx::Bytes value(ports::Store::value_bytes_max, static_cast<char>('a' + i));
    ASSERT_TRUE(f.database.commit({}, {{"topology", "t" + std::to_string(i), 0, value}}));
  }
  v1::ReadSinceRequest request;
  std::string keys;
  for (bool more = true; more;) {
    f.got().clear();
    const auto answer = f.ask("controlplane.read_since", request.SerializeAsString());
    ASSERT_EQ(answer.status().code(), 0) << answer.status().message();
    const auto page = wire::parse<v1::RecordsReply>(answer.body());
    EXPECT_EQ(page->revision(), 10u) << "the lineage, and nine";
    ASSERT_GT(page->records_size(), 0);
    for (const auto& record : page->records()) keys += record.key();
    request.mutable_after()->set_kind("topology");
    request.mutable_after()->set_key(page->records(page->records_size() - 1).key());
    more = page->more();
  }
  EXPECT_EQ(keys, "t0t1t2t3t4t5t6t7t8");
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

TEST(ControlPlaneTest, ALeaderDoesNotWriteTheKeysOfZhosts) {
  Fixture f;
  f.database.cas_term(0, 3, "a/1/1");
  v1::CommitRequest request;
  request.set_term(3);
  auto* change = request.add_changes();
  change->set_kind("key");
  change->set_key("z");
  change->set_value("v");
  EXPECT_EQ(f.ask("controlplane.commit", request.SerializeAsString()).status().code(),
            static_cast<int>(stdx::Code::denied));
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

TEST(ControlPlaneTest, P15TheLeaderThatKnowsOfMoreIsBelieved) {
  Fixture f;
  f.post("a", 1);
  v1::CommitRequest commit;
  commit.mutable_known()->set_lineage(
      wire::parse<v1::LineageRecord>(f.database.copy().rows.at({"lineage", ""}).value)->id());
  commit.mutable_known()->set_counter(f.database.revision() + 1);
  EXPECT_NE(f.ask("controlplane.commit", commit.SerializeAsString()).status().code(), 0);
  EXPECT_EQ(f.service->records(), RecordsGuard::Phase::behind);
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
