// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include "ports/http.h"
#include "samoza/v1/cluster.pb.h"
#include "simkit/http.h"
#include "simkit/network.h"
#include "wire/frame.h"
#include "wire/json.h"
#include "zmesh/service.h"

namespace zmesh {

// A control plane that accepts everybody and tells everybody of all: what zmesh sees of one.
struct FakeControlPlane final : ports::HttpHandler {
  simkit::Process process;
  std::unique_ptr<ports::Transport> transport;
  std::unique_ptr<ports::Listener> listener;
  std::vector<std::unique_ptr<ports::Link>> links;
  std::map<std::string, v1::Member> members;
  std::vector<std::string> order;  // what came, as it came
  std::string token;               // authorization of the last request

  FakeControlPlane(simkit::World& world, simkit::Network& network, simkit::HttpNetwork& http)
      : process(world, "cp", "controlplane"), transport(network.transport(process, "127.0.0.9")) {
    network.add_address("127.0.0.9", "cp");
    http.serve("127.0.0.9", 9000, process, *this);
    listener = *transport->listen({ports::Endpoint::Kind::websocket, "127.0.0.9", 9000, "/ws"},
                                  [this](std::unique_ptr<ports::Link> link) {
                                    order.push_back("link");
                                    link->start({});
                                    links.push_back(std::move(link));
                                  });
  }
  void handle(ports::HttpRequest request, ports::HttpReply reply) override {
    order.push_back(request.method + " " + request.path);
    token = request.headers.contains("authorization") ? request.headers.at("authorization") : "";
    v1::RegisterRequest asked;
    ASSERT_TRUE(wire::from_json(request.body, asked));
    members[asked.member().zhost_id()] = asked.member();
    v1::RegisterReply answer;
    v1::MembersChanged changed;
    for (const auto& [id, member] : members) {
      answer.add_supers(id);
      *answer.add_peers() = member;
      changed.add_supers(id);
      *changed.add_peers() = member;
    }
    reply(wire::json_response(answer));
    v1::Envelope event;
    event.set_method("controlplane.changed");
    event.set_body(changed.SerializeAsString());
    for (auto& link : links) link->send(wire::encode_frame(wire::FrameKind::envelope, event));
  }
};

}  // namespace zmesh
