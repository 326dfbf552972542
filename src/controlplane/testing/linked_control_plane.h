// SPDX-License-Identifier: Apache-2.0
#pragma once

// A control plane on virtual time (test_control_plane.h) with a linked zmesh of zhost "a".

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/testing/test_control_plane.h"
#include "stdx/encoding.h"
#include "wire/certify.h"
#include "wire/frame.h"
#include "wire/json.h"

namespace controlplane {

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

struct LinkedControlPlane : TestControlPlane {
  std::unique_ptr<FakeZmesh> zmesh_a;

  std::vector<v1::Envelope>& got() { return zmesh_a->got; }

  LinkedControlPlane() : TestControlPlane(/*with_tls=*/false) {
    zmesh_a = std::make_unique<FakeZmesh>(world, network, "a", "a");
    world.run_for(std::chrono::milliseconds(100));
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
    EXPECT_TRUE(world.run_until_true(answered, std::chrono::seconds(5)));
    return got().back();
  }
};

}  // namespace controlplane
