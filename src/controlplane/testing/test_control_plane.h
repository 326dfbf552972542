// SPDX-License-Identifier: Apache-2.0
#pragma once

// A control plane on virtual time, with a store in memory and an authority of its own, whose token
// of this machine is `token`.

#include <gtest/gtest.h>

#include "adapters/store_memory/memory_store.h"
#include "controlplane/service.h"
#include "simkit/network.h"
#include "simkit/stub_certifier.h"
#include "simkit/stub_identity.h"
#include "wire/join_token.h"

namespace controlplane {

struct TestControlPlane {
  simkit::World world{3};
  simkit::Network network{world};
  simkit::Process process{world, "cp", "controlplane"};
  simkit::StubCertifier certifier;
  simkit::StubIdentity identity{certifier, process};
  ports::Runtime runtime = process.runtime();
  std::unique_ptr<ports::Transport> transport;
  adapters::store_memory::Database database;
  adapters::store_memory::MemoryStore store{process, database};
  Authority::Options authority;
  wire::JoinToken token;
  std::unique_ptr<Service> service;

  // `with_tls`: links show certificates, which the control plane checks.
  explicit TestControlPlane(bool with_tls)
      : transport(network.transport(process, "127.0.0.9", with_tls ? &identity : nullptr)) {
    using namespace std::chrono_literals;
    network.add_address("127.0.0.9", "cp");
    network.add_address("127.0.0.1", "a");
    authority.cluster_id = "test";
    authority.authority.key = certifier.make_key();
    authority.authority.certificate = *certifier.make_authority(
        authority.authority.key, "test", {process.wall() - 1h, process.wall() + 24h * 7300});
    token = wire::make_join_token(process, {}, *certifier.key_hash(authority.authority.key));
    authority.local_token_id = token.id;
    authority.local_token_hash = wire::secret_hash(certifier, token.secret);
    start();
  }
  void start() {
    service.reset();
    service = std::make_unique<Service>(
        runtime, *transport, store, ports::Security{certifier, identity, identity},
        Options{.cluster_id = "test",
                .listen = {ports::Endpoint::Kind::websocket, "127.0.0.9", 9000, "/ws"},
                .version = "1",
                .authority = authority});
    EXPECT_TRUE(service->start());
  }
  ports::HttpResponse answer(ports::HttpRequest request) {
    std::optional<ports::HttpResponse> response;
    service->handle(std::move(request), [&](ports::HttpResponse r) { response = std::move(r); });
    EXPECT_TRUE(
        world.run_until_true([&] { return response.has_value(); }, std::chrono::seconds(5)));
    return response.value_or(ports::HttpResponse{.status = 0});
  }
};

}  // namespace controlplane
