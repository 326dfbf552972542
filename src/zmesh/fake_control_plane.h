// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include "ports/http.h"
#include "rpc/request_proof.h"
#include "samoza/v1/cluster.pb.h"
#include "simkit/http.h"
#include "simkit/network.h"
#include "simkit/stub_key.h"
#include "wire/frame.h"
#include "wire/json.h"
#include "zmesh/service.h"

namespace zmesh {

// A control plane that accepts everybody and tells everybody of all: what zmesh sees of one.
struct FakeControlPlane final : ports::HttpHandler {
  simkit::Process process;
  std::unique_ptr<ports::Transport> transport;
  std::unique_ptr<ports::Listener> listener;
  struct Joined {
    std::unique_ptr<ports::Link> link;
    std::unique_ptr<rpc::Handshake> handshake;
    bool proved = false;
  };
  std::vector<std::unique_ptr<Joined>> links;
  simkit::StubKey key;
  bool proves_answers = true;
  std::optional<stdx::Error> refuses;
  std::map<std::string, v1::Member> members;
  std::uint64_t announcements = 1;
  v1::RecordsKnown records;
  std::vector<std::string> order;  // what came, as it came
  std::string authorization;       // of the last request

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
    joined.handshake = std::make_unique<rpc::Handshake>(key, rpc::Handshake::Side::acceptor);
    const auto take_frame = [this, &joined](const stdx::Bytes& frame) {
      if (joined.proved) return;
      const auto heard = joined.handshake->take(frame);
      if (heard && *heard == rpc::Handshake::Heard::hello) {
        v1::Hello hello;
        hello.set_nonce(stdx::format("nonce {}", links.size()));
        auto said = *joined.handshake->say(wire::encode_frame(wire::FrameKind::hello, hello));
        for (auto& out : said) joined.link->send(std::move(out));
      }
      joined.proved = heard && *heard == rpc::Handshake::Heard::proof;
      if (!joined.proved) return;
      order.push_back("proof");
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
  ports::HttpResponse proved(const ports::HttpRequest& request, ports::HttpResponse response) {
    for (const auto& joined : links) {
      const auto transcript = joined->handshake->transcript();
      if (const auto claim = rpc::parse_claim(authorization);
          proves_answers && claim && rpc::check_request(key, *claim, transcript, request.body))
        response.headers[rpc::answer_proof_header] =
            *rpc::prove_answer(key, {transcript, request.body, response.status, response.body});
    }
    return response;
  }
  void handle(ports::HttpRequest request, ports::HttpReply reply) override {
    order.push_back(request.method + " " + request.path);
    authorization =
        request.headers.contains("authorization") ? request.headers.at("authorization") : "";
    if (refuses) return reply(proved(request, wire::error_response(*refuses)));
    v1::RegisterRequest asked;
    ASSERT_TRUE(wire::from_json(request.body, asked));
    members[asked.member().zhost_id()] = asked.member();
    v1::RegisterReply answer;
    for (const auto& [id, member] : members) {
      answer.add_supers(id);
      *answer.add_peers() = member;
    }
    *answer.mutable_records() = records;
    answer.set_sequence(announcements++);
    reply(proved(request, wire::json_response(answer)));
    for (auto& joined : links)
      if (joined->proved) joined->link->send(changed());
  }
};

}  // namespace zmesh
