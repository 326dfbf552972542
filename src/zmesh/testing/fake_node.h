// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "rpc/service_bus.h"
#include "simkit/http.h"
#include "simkit/network.h"
#include "simkit/stub_identity.h"
#include "simkit/stub_key.h"
#include "zmesh/service.h"
#include "zmesh/testing/fake_control_plane.h"

namespace zmesh {

// The zmesh of one zhost, and one other service of it that holds a link to it. The control plane is
// where zmesh::FakeControlPlane listens.
struct FakeNode {
  simkit::Process process, other_process;
  ports::Runtime runtime, other_runtime;
  simkit::StubCertifier certifier;
  simkit::StubIdentity identity, asking;
  std::unique_ptr<ports::Transport> transport, other_transport;
  std::unique_ptr<ports::HttpClient> http, asking_http;
  simkit::StubKey key;
  std::string no_token;  // why there is no join token; empty: there is one
  std::unique_ptr<Service> service;
  std::unique_ptr<rpc::ServiceBus> other;

  FakeNode(simkit::World& world, simkit::Network& network, simkit::HttpNetwork& web,
           const std::string& id, const std::string& ip, const std::string& other_name)
      : process(world, id, "zmesh"),
        other_process(world, id, other_name),
        runtime(process.runtime()),
        other_runtime(other_process.runtime()),
        certifier(std::hash<std::string>()(id)),
        identity(certifier, process),
        asking(certifier, process),
        transport(network.transport(process, ip, &identity)),
        other_transport(network.transport(other_process, ip)),
        http(web.client(process, &identity)),
        asking_http(web.client(process, &asking)) {
    network.add_address(ip, id);
    Options options;
    options.cluster_id = "test";
    options.self.set_zhost_id(id);
    options.self.set_incarnation(1);
    options.self.set_address(ip);
    options.self.set_port(9201);
    options.control_plane = {ports::Endpoint::Kind::websocket, "127.0.0.9", 9000, "/ws"};
    options.join_token = [this]() -> stdx::Result<std::string> {
      if (!no_token.empty()) return stdx::fail(stdx::Code::unavailable, no_token);
      return FakeAuthority().join_token;
    };
    service = std::make_unique<Service>(runtime, *transport, *http, *asking_http,
                                        ports::Security{certifier, identity, asking}, options);
    EXPECT_TRUE(service->start());
    v1::Hello hello;
    hello.set_service(other_name);
    hello.set_zhost(id);
    other = std::make_unique<rpc::ServiceBus>(other_runtime, *other_transport,
                                              rpc::ServiceBus::Options{"zmesh", hello});
  }
};

}  // namespace zmesh
