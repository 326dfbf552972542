// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include "ports/http.h"
#include "samoza/v1/cluster.pb.h"
#include "samoza/v1/join.pb.h"
#include "simkit/http.h"
#include "simkit/network.h"
#include "simkit/stub_certifier.h"
#include "wire/frame.h"
#include "wire/join_token.h"
#include "wire/json.h"
#include "zmesh/service.h"

namespace zmesh {

// The authority of the tests' cluster, and a join token that pins it.
struct FakeAuthority {
  simkit::StubCertifier certifier{99};
  ports::KeyAndCertificate authority;
  std::string join_token;
  v1::KeyRing keys;

  FakeAuthority() {
    add_key();
    authority.key = certifier.make_key();
    const stdx::WallTime now{std::chrono::milliseconds(1'790'000'000'000)};
    authority.certificate = *certifier.make_authority(
        authority.key, "test", {now - std::chrono::hours(1), now + std::chrono::hours(87'600)});
    wire::JoinToken token;
    token.authority_hash = *certifier.key_hash(authority.key);
    token.id = "0123456789abcdef";
    token.secret = stdx::Bytes(32, 's');
    join_token = to_text(token);
  }
  void add_key() {
    for (auto* ring : {keys.mutable_beat(), keys.mutable_access()}) {
      auto* key = ring->Add();
      key->set_generation(static_cast<std::uint64_t>(ring->size()));
      key->set_secret(std::string(32, static_cast<char>('a' + ring->size())));
    }
  }
  v1::CertifyReply certify(const v1::CertifyRequest& asked, stdx::WallTime now) {
    using Role = ports::CertificateRole;
    const ports::Validity validity{now - std::chrono::hours(1), now + std::chrono::hours(24)};
    v1::CertifyReply reply;
    const auto key = *certifier.check_request(asked.request());
    reply.set_certificate(*certifier.issue(
        authority, asked.request(), {{"test", Role::zhost, asked.zhost()}, validity, {}, key}));
    reply.set_data_certificate(*certifier.issue(
        authority, asked.data_request(), {{"test", Role::data, asked.zhost()}, validity, {}, key}));
    reply.add_authorities(authority.certificate);
    reply.set_now_ms(static_cast<std::uint64_t>(now.time_since_epoch().count()));
    *reply.mutable_keys() = keys;
    reply.add_control_planes("127.0.0.9:9000");
    return reply;
  }
};

// A control plane that accepts everybody and tells everybody of all: what zmesh sees of one.
struct FakeControlPlane final : ports::HttpHandler {
  simkit::Process process;
  std::unique_ptr<ports::Transport> transport;
  std::unique_ptr<ports::Listener> listener;
  struct Joined {
    std::unique_ptr<ports::Link> link;
    bool greeted = false;
  };
  std::vector<std::unique_ptr<Joined>> links;
  FakeAuthority authority;
  std::optional<stdx::Error> refuses, certifies_nobody;
  std::map<std::string, v1::Member> members;
  std::uint64_t announcements = 1;
  v1::RecordsKnown records;
  std::vector<std::string> order;  // what came, as it came
  v1::CertifyRequest certified;    // the last one

  FakeControlPlane(simkit::World& world, simkit::Network& network, simkit::HttpNetwork& http)
      : process(world, "cp", "controlplane"), transport(network.transport(process, "127.0.0.9")) {
    network.add_address("127.0.0.9", "cp");
    http.serve("127.0.0.9", 9000, process, *this);
    listener = *transport->listen({ports::Endpoint::Kind::websocket, "127.0.0.9", 9000, "/ws"},
                                  [this](std::unique_ptr<ports::Link> link) {
                                    order.push_back("link");
                                    take(std::move(link));
                                  });
  }
  void take(std::unique_ptr<ports::Link> link) {
    auto& joined = *links.emplace_back(std::make_unique<Joined>());
    joined.link = std::move(link);
    const auto take_frame = [this, &joined](const stdx::Bytes&) {
      if (std::exchange(joined.greeted, true)) return;
      v1::Hello hello;
      hello.set_nonce(stdx::format("nonce {}", links.size()));
      joined.link->send(wire::encode_frame(wire::FrameKind::hello, hello));
      // What changed between its registration and this link.
      if (!members.empty()) joined.link->send(changed());
    };
    joined.link->start({.on_frame = take_frame, .on_closed = {}, .on_writable = {}});
  }
  stdx::Bytes changed() const {
    v1::MembersChanged now;
    for (const auto& [id, member] : members) {
      now.add_supers(id);
      *now.add_peers() = member;
    }
    *now.mutable_records() = records;
    now.set_sequence(announcements);
    v1::Envelope event;
    event.set_method("controlplane.changed");
    event.set_body(now.SerializeAsString());
    return wire::encode_frame(wire::FrameKind::envelope, event);
  }
  ports::HttpResponse certify(const ports::HttpRequest& request) {
    EXPECT_TRUE(wire::from_json(request.body, certified));
    if (certifies_nobody) return wire::error_response(*certifies_nobody);
    return wire::json_response(authority.certify(certified, process.wall()));
  }
  void handle(ports::HttpRequest request, ports::HttpReply reply) override {
    order.push_back(request.method + " " + request.path);
    if (request.path == "/v1/certificates") return reply(certify(request));
    if (refuses) return reply(wire::error_response(*refuses));
    v1::RegisterRequest asked;
    ASSERT_TRUE(wire::from_json(request.body, asked));
    EXPECT_EQ(request.caller.name, asked.member().zhost_id());
    members[asked.member().zhost_id()] = asked.member();
    v1::RegisterReply answer;
    for (const auto& [id, member] : members) {
      answer.add_supers(id);
      *answer.add_peers() = member;
    }
    *answer.mutable_records() = records;
    answer.set_sequence(announcements++);
    reply(wire::json_response(answer));
    for (auto& joined : links)
      if (joined->greeted) joined->link->send(changed());
  }
};

}  // namespace zmesh
