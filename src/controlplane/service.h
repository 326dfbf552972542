// SPDX-License-Identifier: Apache-2.0
#pragma once

// zmesh-controlplane: who is in the cluster and who leads it. Keeps members, the term and the
// fenced records in a Store, and announces to every connected zmesh when membership, super
// candidates or the leader changed (R-JOIN-1..5). It places nothing and routes nothing. This class
// joins the parts, each of which has one duty, and answers HTTP.
//
// It is the cluster's certificate authority (authority.h): zhosts get their certificates with POST
// /v1/certificates. Whoever registers or links shows such a certificate, and speaks for the zhost
// that it names, and no other.
//
// One loop. Links are websockets of zmesh processes (member_links.h). While the store is away
// requests fail with its error; certificates of zhosts that are known are renewed all the same.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "controlplane/authority.h"
#include "controlplane/certificate_api.h"
#include "controlplane/join_tokens_api.h"
#include "controlplane/leader_api.h"
#include "controlplane/member_announcer.h"
#include "controlplane/member_links.h"
#include "controlplane/membership.h"
#include "controlplane/operator_api.h"
#include "controlplane/record_copier.h"
#include "controlplane/records_cache.h"
#include "controlplane/records_gate.h"
#include "controlplane/recoverer.h"
#include "controlplane/registrar.h"
#include "ports/http.h"
#include "ports/runtime.h"
#include "ports/store.h"
#include "ports/transport.h"
#include "rpc/rpc_endpoint.h"
#include "wire/http_router.h"

namespace controlplane {

struct Options {
  std::string cluster_id;
  ports::Endpoint listen;  // websocket; no host: nothing is listened on here
  std::string version;
  std::string store_name = "memory";  // for /v1/status
  // How often the store is asked what other control planes changed.
  stdx::Duration poll_interval = std::chrono::seconds(1);
  std::string copies_folder;  // for a backup that names no file; empty: it must
  // The process ends soon and is started again: what was restored is taken at a start.
  std::function<void()> start_anew;
  RecordCopier::Options copies;
  // Of the certificates: the authority, and where this control plane is reached.
  Authority::Options authority;
};

class Service final : public ports::HttpHandler {
 public:
  Service(ports::Runtime& runtime, ports::Transport& transport, ports::Store& store,
          const ports::Security& security, Options options);
  ~Service() override;

  // Access tokens that were revoked (wire/revoked_tokens.h), each time the records say so.
  std::function<void(std::vector<std::string>)> on_revoked;

  // Listens on options.listen; fails where the address is taken.
  stdx::Status start();

  // For the simulator.
  RecordsGuard::Phase records() const { return gate_.phase(); }

  void handle(ports::HttpRequest request, ports::HttpReply reply) override;
  std::vector<std::string> routes() const { return router_.routes(); }
  // For an adapter that takes WebSockets and HTTP in on one port. A link is of a zhost, which shows
  // its certificate (member_links.h).
  std::optional<ports::HttpResponse> refuse_websocket(const ports::HttpRequest& head);
  void handle_websocket(ports::HttpRequest request, std::unique_ptr<ports::Link> link) override;

 private:
  void wire_parts();
  void wire_routes();
  v1::ControlPlaneStatus status() const;
  void poll();

  ports::Runtime& runtime_;
  ports::Transport& transport_;
  Options options_;
  Authority authority_;
  Membership membership_;
  MemberLinks links_;
  rpc::RpcEndpoint endpoint_;
  RecordsGate gate_;
  RecordsCache records_;
  Recoverer recoverer_;
  RecordCopier copier_;
  MemberAnnouncer announcer_;
  Registrar registrar_;
  LeaderApi leader_api_;
  OperatorApi operator_api_;
  JoinTokensApi join_tokens_api_;
  CertificateApi certificate_api_;
  wire::HttpRouter router_;
  std::unique_ptr<ports::Listener> listener_;
  ports::Timer poll_timer_;
};

}  // namespace controlplane
