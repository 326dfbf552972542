// SPDX-License-Identifier: Apache-2.0
// A zhost that was forgotten gets in by no connection that began before.
#include <gtest/gtest.h>

#include "controlplane/testing/test_control_plane.h"
#include "stdx/encoding.h"
#include "wire/certify.h"
#include "wire/frame.h"
#include "wire/json.h"

namespace controlplane {
namespace {

using namespace std::chrono_literals;

// A zmesh with certificates of its own. It opens the WebSocket at once, and says its hello when it
// is told to.
struct Zhost {
  std::string id;
  simkit::Process process;
  simkit::StubCertifier certifier;
  simkit::StubIdentity identity{certifier, process};
  ports::Identity shown;  // what a connection that was opened with it is taken for
  std::unique_ptr<ports::Transport> transport;
  std::unique_ptr<ports::Link> link;
  stdx::Bytes key, data_key;
  bool closed = false, greeted = false;
  std::vector<v1::Envelope> got;

  Zhost(simkit::World& world, simkit::Network& network, const std::string& name)
      : id(name),
        process(world, name, "zmesh"),
        certifier(std::hash<std::string>()(name)),
        transport(network.transport(process, "127.0.0.1", &identity)) {
    make_keys();
  }
  void make_keys() {
    key = certifier.make_key();
    data_key = certifier.make_key();
  }
  void connect() {
    transport->connect({ports::Endpoint::Kind::websocket, "127.0.0.9", 9000, "/ws"},
                       [this](auto made) {
                         ASSERT_TRUE(made) << made.error().message;
                         link = std::move(*made);
                         link->start({.on_frame = [this](const stdx::Bytes& f) { frame(f); },
                                      .on_closed = [this](const stdx::Error&) { closed = true; },
                                      .on_writable = {}});
                       });
  }
  void say_hello() {
    v1::Hello hello;
    hello.set_service("zmesh");
    hello.set_zhost(id);
    link->send(wire::encode_frame(wire::FrameKind::hello, hello));
  }
  void frame(const stdx::Bytes& frame) {
    const auto kind = *wire::frame_kind(frame);
    greeted |= kind == wire::FrameKind::hello;
    if (kind == wire::FrameKind::envelope) got.push_back(*wire::parse_frame<v1::Envelope>(frame));
  }
};

struct Fixture : testing::Test, TestControlPlane {
  Zhost leader{world, network, "a"}, gone{world, network, "b"};

  Fixture() : TestControlPlane(/*with_tls=*/true) {
    for (auto* zhost : {&leader, &gone}) {
      EXPECT_EQ(certify(*zhost).status, 200);
      zhost->connect();
      world.run_for(100ms);
      EXPECT_EQ(enter(*zhost, 1).status, 200);
    }
    leader.say_hello();
    world.run_for(100ms);
    v1::CasTermRequest term;
    term.set_next_term(1);
    term.set_next_holder("a/1/1");
    *term.mutable_known() = v1::RecordsKnown();
    ask("controlplane.cas_term", term.SerializeAsString());
  }
  ports::HttpResponse certify(Zhost& zhost) {
    v1::CertifyRequest request;
    request.set_cluster_id("test");
    request.set_zhost(zhost.id);
    request.set_request(*zhost.certifier.make_request(zhost.key));
    request.set_data_request(*zhost.certifier.make_request(zhost.data_key));
    request.set_token_id(token.id);
    request.set_token_secret(token.secret);
    request.set_signature(*zhost.certifier.sign(zhost.key, wire::signed_part(request)));
    auto response = answer({.method = "POST",
                            .path = "/v1/certificates",
                            .query = {},
                            .headers = {},
                            .body = wire::to_json(request),
                            .caller = zhost.shown});
    v1::CertifyReply reply;
    if (!wire::from_json(response.body, reply) || reply.certificate().empty()) return response;
    zhost.shown = certifier.read(reply.certificate())->identity;
    EXPECT_TRUE(zhost.identity.use({zhost.key, reply.certificate()},
                                   {"test", {authority.authority.certificate}, {}}));
    return response;
  }
  // POST /v1/register on a connection that was opened when `zhost` got its certificate.
  ports::HttpResponse enter(Zhost& zhost, std::uint64_t incarnation) {
    v1::RegisterRequest request;
    request.set_cluster_id("test");
    request.mutable_member()->set_zhost_id(zhost.id);
    request.mutable_member()->set_incarnation(incarnation);
    request.mutable_known();
    return answer({.method = "POST",
                   .path = "/v1/register",
                   .query = {},
                   .headers = {},
                   .body = wire::to_json(request),
                   .caller = zhost.shown});
  }
  v1::Envelope ask(const std::string& method, const stdx::Bytes& body) {
    v1::Envelope envelope;
    *envelope.mutable_from() = rpc::address("a", "zrms");
    *envelope.mutable_to() = rpc::address("", "controlplane");
    envelope.set_request_id(++asked);
    envelope.set_method(method);
    envelope.set_body(body);
    leader.link->send(wire::encode_frame(wire::FrameKind::envelope, envelope));
    const auto answered = [&] {
      return !leader.got.empty() && leader.got.back().is_response() &&
             leader.got.back().request_id() == asked;
    };
    EXPECT_TRUE(world.run_until_true(answered, 5s)) << method;
    return leader.got.back();
  }
  void forget() {
    v1::ForgetRequest request;
    request.set_term(1);
    request.set_zhost_id("b");
    request.set_incarnation(1);
    const auto reply = ask("controlplane.forget", request.SerializeAsString());
    ASSERT_EQ(reply.status().code(), 0) << reply.status().message();
  }
  bool member(const std::string& zhost) {
    const auto all =
        answer({.method = "GET", .path = "/v1/members", .query = {}, .headers = {}, .body = ""});
    return all.body.find('"' + zhost + '"') != std::string::npos;
  }
  std::uint64_t asked = 0;
};
using ForgottenTest = Fixture;

TEST_F(ForgottenTest, ALinkThatWasOpenedBeforeAndSaysItsHelloLateIsClosed) {
  ASSERT_TRUE(gone.link);
  forget();
  gone.say_hello();
  EXPECT_TRUE(world.run_until_true([&] { return gone.closed; }, 2s));
  EXPECT_FALSE(gone.greeted);
}

TEST_F(ForgottenTest, ALinkThatIsUpIsClosedAndNothingOfItIsTakenMeanwhile) {
  gone.say_hello();
  ASSERT_TRUE(world.run_until_true([&] { return gone.greeted; }, 2s));
  forget();
  EXPECT_TRUE(world.run_until_true([&] { return gone.closed; }, 2s));
}

TEST_F(ForgottenTest, AnHttpsConnectionThatIsKeptOpenRegistersNobodyAndReadsNothing) {
  forget();
  EXPECT_FALSE(member("b"));
  // Of the life that was forgotten, and of a newer one, which its own authority could make up.
  for (const std::uint64_t incarnation : {1, 2, 100}) {
    const auto response = enter(gone, incarnation);
    EXPECT_EQ(response.status, 401);
    EXPECT_NE(response.body.find("was forgotten"), std::string::npos) << response.body;
  }
  EXPECT_FALSE(member("b"));
  const auto members = answer({.method = "GET",
                               .path = "/v1/members",
                               .query = {},
                               .headers = {},
                               .body = "",
                               .caller = gone.shown});
  EXPECT_EQ(members.status, 401);
}

TEST_F(ForgottenTest, AWebSocketIsOfAZhostThatShowsItsCertificate) {
  const auto refused = [&](const ports::Identity& caller, const std::string& path = "/ws") {
    ports::HttpRequest head;
    head.method = "GET";
    head.path = path;
    head.caller = caller;
    const auto response = service->refuse_websocket(head);
    return response ? response->status : 0;
  };
  EXPECT_EQ(refused({}), 401) << "it shows no certificate";
  EXPECT_EQ(refused({"test", ports::CertificateRole::operator_role, "ann"}), 401);
  EXPECT_EQ(refused(gone.shown), 0);
  EXPECT_EQ(refused(gone.shown, "/elsewhere"), 404);
  forget();
  EXPECT_EQ(refused(gone.shown), 401);
  EXPECT_EQ(refused(leader.shown), 0);
}

TEST_F(ForgottenTest, AZhostThatOpensManyLinksAndSaysNothingClosesItsOwn) {
  std::vector<std::unique_ptr<ports::Link>> silent;
  std::size_t closed = 0;
  for (std::size_t i = 0; i < 3 * MemberLinks::unproved_of_one_max; ++i)
    gone.transport->connect({ports::Endpoint::Kind::websocket, "127.0.0.9", 9000, "/ws"},
                            [&](auto made) {
                              ASSERT_TRUE(made);
                              silent.push_back(std::move(*made));
                              silent.back()->start({.on_frame = [](const stdx::Bytes&) {},
                                                    .on_closed = [&](const auto&) { ++closed; },
                                                    .on_writable = {}});
                            });
  EXPECT_TRUE(
      world.run_until_true([&] { return closed >= 2 * MemberLinks::unproved_of_one_max; }, 2s));
  Zhost another{world, network, "c"};
  EXPECT_EQ(certify(another).status, 200);
  another.connect();
  world.run_for(100ms);
  another.say_hello();
  EXPECT_TRUE(world.run_until_true([&] { return another.greeted; }, 2s));
}

// It waits for the store when the zhost is forgotten.
TEST_F(ForgottenTest, ARegistrationThatIsUnderWayMeanwhileIsRefused) {
  std::optional<ports::HttpResponse> response;
  v1::RegisterRequest request;
  request.set_cluster_id("test");
  request.mutable_member()->set_zhost_id("b");
  request.mutable_member()->set_incarnation(2);
  request.mutable_known();
  v1::ForgetRequest wanted;
  wanted.set_term(1);
  wanted.set_zhost_id("b");
  wanted.set_incarnation(1);
  v1::Envelope envelope;
  *envelope.mutable_from() = rpc::address("a", "zrms");
  *envelope.mutable_to() = rpc::address("", "controlplane");
  envelope.set_request_id(99);
  envelope.set_method("controlplane.forget");
  envelope.set_body(wanted.SerializeAsString());
  leader.link->send(wire::encode_frame(wire::FrameKind::envelope, envelope));
  // At each moment of the forgetting: either it registers first, and is forgotten or refused as a
  // newer life, or it is refused; it never stands beside its own revocation.
  for (int i = 0; i < 20; ++i) {
    world.run_for(100us);
    service->handle({.method = "POST",
                     .path = "/v1/register",
                     .query = {},
                     .headers = {},
                     .body = wire::to_json(request),
                     .caller = gone.shown},
                    [&](ports::HttpResponse r) { response = std::move(r); });
  }
  ASSERT_TRUE(world.run_until_true([&] { return response.has_value(); }, 5s));
  world.run_for(1s);
  const auto last = enter(gone, 3);
  const bool forgotten = !member("b");
  EXPECT_EQ(last.status == 401, forgotten) << last.body;
}

TEST_F(ForgottenTest, ItJoinsAgainWithATokenAndAnotherKeyAndNotWithTheFormerOne) {
  forget();
  EXPECT_NE(certify(gone).status, 200) << "that key was revoked";
  gone.make_keys();
  EXPECT_EQ(certify(gone).status, 200);
  EXPECT_EQ(enter(gone, 2).status, 200);
  EXPECT_TRUE(member("b"));
}

}  // namespace
}  // namespace controlplane
