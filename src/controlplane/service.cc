// SPDX-License-Identifier: Apache-2.0
#include "controlplane/service.h"

#include <algorithm>

#include "wire/json.h"

namespace controlplane {

using stdx::Code;

Service::Service(ports::Runtime& runtime, ports::Transport& transport, ports::Store& store,
                 const ports::Security& security, Options options)
    : runtime_(runtime),
      transport_(transport),
      options_(std::move(options)),
      authority_(security.certifier, options_.authority),
      links_(runtime, authority_, options_.version),
      endpoint_(runtime, [this](v1::Envelope envelope) { links_.send(std::move(envelope)); }),
      gate_(runtime, store, membership_),
      records_(runtime, store, authority_, membership_, gate_),
      recoverer_(runtime, endpoint_, store, gate_),
      copier_(runtime, endpoint_, store, gate_, options_.copies),
      announcer_(runtime, endpoint_, links_, {authority_, membership_, gate_, records_, copier_}),
      registrar_(runtime, store, endpoint_, {endpoint_, authority_}, options_.cluster_id,
                 {authority_, membership_, gate_, records_, links_, announcer_}),
      leader_api_(store, gate_, records_, endpoint_, {endpoint_, authority_}),
      operator_api_(runtime, store, endpoint_, {endpoint_, authority_},
                    {gate_, records_, recoverer_, links_},
                    {options_.copies_folder, options_.start_anew}),
      join_tokens_api_(runtime, store, security.certifier, authority_, gate_, records_,
                       {endpoint_, authority_}),
      certificate_api_(runtime, store, security.links, authority_, gate_, records_),
      poll_timer_(runtime.executor) {
  wire_parts();
  wire_routes();
}

Service::~Service() = default;

void Service::wire_parts() {
  links_.on_envelope = [this](v1::Envelope envelope) { endpoint_.receive(std::move(envelope)); };
  links_.on_link_up = [this](const std::string& zhost, bool chosen) {
    membership_.linked(zhost, true, runtime_.clock.now());
    announcer_.link_up(zhost, chosen);
  };
  links_.on_link_down = [this](const std::string& zhost) {
    membership_.linked(zhost, false, runtime_.clock.now());
  };
  gate_.on_phase = [this] {
    certificate_api_.record_keys();
    announcer_.announce();
  };
  gate_.reread = [this] { records_.refresh([](auto) {}); };
  records_.on_trust_changed = [this] { certificate_api_.trust_changed(); };
  records_.on_keys_changed = [this] { links_.drop_revoked(); };
  records_.on_revoked = [this](std::vector<std::string> revoked) {
    if (on_revoked) on_revoked(std::move(revoked));
  };
  copier_.linked = [this] { return links_.zhosts(); };
  copier_.has_other_members = [this] {
    const auto members = membership_.members();
    return std::any_of(members.begin(), members.end(), [this](const v1::Member& member) {
      return member.zhost_id() != options_.copies.own_zhost;
    });
  };
  registrar_.on_forgotten = [this] { certificate_api_.renew_own(); };
  leader_api_.on_change = [this] { announcer_.announce(); };
  operator_api_.on_change = [this] { announcer_.announce(); };
  certificate_api_.on_change = [this] { announcer_.announce(); };
}

stdx::Status Service::start() {
  certificate_api_.renew_own();
  // In a process WebSockets come in over the HTTP port (handle_websocket).
  if (!options_.listen.host.empty()) {
    TRY_ASSIGN(listener_, transport_.listen(options_.listen,
                                            [this](auto link) { links_.accept(std::move(link)); }));
  }
  poll();
  copier_.start();
  return {};
}

void Service::poll() {
  records_.refresh([this](stdx::Status) {
    certificate_api_.renew_own();
    certificate_api_.change_keys();
    certificate_api_.record_keys();
    copier_.look();
    announcer_.announce();
    poll_timer_.set(options_.poll_interval, [this] { poll(); });
  });
}

// --- HTTP ---

void Service::handle(ports::HttpRequest request, ports::HttpReply reply) {
  // A connection that is kept open outlives the certificate that it began with. What asks for
  // certificates proves itself.
  const auto good = authority_.check(request.caller);
  if (!good && request.path != "/v1/certificates") {
    auto response = wire::error_response(good.error());
    response.status = 401;
    return reply(std::move(response));
  }
  router_.route(std::move(request), std::move(reply));
}

std::optional<ports::HttpResponse> Service::refuse_websocket(const ports::HttpRequest& head) {
  return links_.refuse_websocket(head);
}

void Service::handle_websocket(ports::HttpRequest, std::unique_ptr<ports::Link> link) {
  links_.accept(std::move(link));
}

void Service::wire_routes() {
  router_.add("POST", "/v1/register", [this](wire::RouteMatch match, ports::HttpReply reply) {
    registrar_.handle(match.request, std::move(reply));
  });
  router_.add("POST", "/v1/certificates", [this](wire::RouteMatch match, ports::HttpReply reply) {
    certificate_api_.certify(match.request, std::move(reply));
  });
  router_.add("GET", "/healthz", [this](wire::RouteMatch, ports::HttpReply reply) {
    if (const auto& trouble = records_.trouble(); !trouble.empty())
      return reply(wire::error_response({Code::unavailable, "store: " + trouble}));
    if (gate_.phase() == RecordsGuard::Phase::behind)
      return reply(wire::error_response({Code::unavailable, gate_.detail()}));
    reply(wire::json_response(R"({"status":"ok"})"));
  });
  router_.add("GET", "/v1/members", [this](wire::RouteMatch, ports::HttpReply reply) {
    reply(wire::json_response(announcer_.state()));
  });
  router_.add("GET", "/v1/status", [this](wire::RouteMatch, ports::HttpReply reply) {
    reply(wire::json_response(status()));
  });
}

v1::ControlPlaneStatus Service::status() const {
  v1::ControlPlaneStatus status;
  status.set_version(options_.version);
  status.set_store(options_.store_name);
  status.set_store_trouble(records_.trouble());
  status.set_control_plane(options_.store_name == "postgres" ? "replicated" : "single");
  status.set_members(static_cast<std::uint32_t>(membership_.members().size()));
  status.set_links(static_cast<std::uint32_t>(links_.zhosts().size()));
  const auto now = announcer_.state();
  *status.mutable_supers() = now.supers();
  status.set_leader(now.leader());
  status.set_term(now.term());
  status.set_records(to_string(gate_.phase()));
  status.set_records_detail(gate_.detail());
  status.set_lineage(gate_.known().lineage());
  status.set_counter(gate_.known().counter());
  status.set_copies_detail(copier_.detail());
  status.set_newest_copy(copier_.newest());
  return status;
}

}  // namespace controlplane
