// SPDX-License-Identifier: Apache-2.0
#include "zmesh/service.h"

#include <algorithm>
#include <utility>

#include "samoza/v1/tokens.pb.h"
#include "stdx/text.h"
#include "wire/data_frame.h"
#include "wire/frame.h"

namespace zmesh {
namespace {

using namespace std::chrono_literals;

v1::Hello hello_of(const Options& options) {
  v1::Hello hello;
  hello.set_service("zmesh");
  hello.set_zhost(options.self.zhost_id());
  hello.set_incarnation(options.self.incarnation());
  hello.set_pid(options.pid);
  hello.set_version(options.version);
  return hello;
}

v1::RegisterRequest registration_of(const Options& options) {
  v1::RegisterRequest request;
  request.set_cluster_id(options.cluster_id);
  *request.mutable_member() = options.self;
  return request;
}

v1::PeerHello peer_hello_of(const Options& options) {
  v1::PeerHello hello;
  hello.set_cluster_id(options.cluster_id);
  hello.set_zhost(options.self.zhost_id());
  hello.set_incarnation(options.self.incarnation());
  hello.set_version(options.version);
  return hello;
}

PeerLinks::Options peer_options_of(const Options& options) {
  PeerLinks::Options peers;
  peers.self = peer_hello_of(options);
  const auto port = static_cast<std::uint16_t>(options.self.port());
  auto hosts = options.listen;
  if (hosts.empty()) hosts.push_back(options.self.address());
  peers.listen = ports::Endpoint::tcp(hosts.front(), port);
  peers.more_listen.assign(hosts.begin() + 1, hosts.end());
  return peers;
}

}  // namespace

Service::Service(ports::Runtime& runtime, ports::Transport& transport, ports::HttpClient& http,
                 ports::HttpClient& asking, const ports::Security& security, Options options)
    : runtime_(runtime),
      options_(std::move(options)),
      hub_(runtime, transport, {"zmesh", options_.self.zhost_id()}),
      startz_(runtime, transport, {"startz", hello_of(options_)}),
      control_plane_at_(options_.control_plane),
      credentials_(
          runtime, security, asking, control_plane_at_,
          {options_.cluster_id, options_.self.zhost_id(), options_.kept_credentials,
           options_.keep_credentials, options_.join_token, options_.kept_keys, options_.keep_keys}),
      revoked_(options_.revoked),
      control_plane_(runtime, transport, http, control_plane_at_,
                     {hello_of(options_), registration_of(options_)}),
      peers_(runtime, transport, peer_options_of(options_)),
      neighbours_(options_.self.zhost_id()),
      neighbour_announcer_(runtime, hub_.endpoint(), neighbours_),
      relay_(runtime, hub_, peers_, neighbours_, directory_, options_.self.zhost_id()),
      peer_list_(directory_, peers_, options_.self.zhost_id()),
      peer_list_publisher_(
          runtime, hub_.endpoint(),
          {.whole = [this] { return peer_list_.whole(); },
           .changes = [this](const auto& changed) { return peer_list_.changes(changed); }}),
      space_details_(hub_.endpoint(), directory_, members_, options_.self.zhost_id()),
      doorway_(hub_.endpoint(), directory_, options_.self.zhost_id()),
      directory_timer_(runtime.executor),
      members_timer_(runtime.executor) {
  wire_handlers();
}

Service::~Service() = default;

stdx::Status Service::start() {
  TRY(hub_.start());
  TRY(peers_.start());
  startz_.start();
  credentials_.on_change = [this] {
    control_plane_.start();
    publish_data_credentials();
  };
  control_plane_.on_refused = [this] { credentials_.doubt(); };
  take_revoked();
  credentials_.start();
  want_directory();
  return {};
}

void Service::wire_control_plane() {
  control_plane_.on_members = [this](v1::MembersChanged members) {
    members_changed(std::move(members));
  };
  control_plane_.ask_known = [this](ControlPlaneLink::Known done) {
    if (!startz_.connected()) return done(std::nullopt);
    startz_.request(rpc::address("", "startz"), "startz.records",
                    v1::RecordsAsked().SerializeAsString(), 1s,
                    rpc::expect<v1::RecordsKnown>([done](stdx::Result<v1::RecordsKnown> known) {
                      done(known ? std::optional(*known) : std::nullopt);
                    }));
  };
  control_plane_.revoked = [this] { return revoked_.sealed(); };
  control_plane_.on_gap = [this] { ask_members(); };
  control_plane_.on_envelope = [this](v1::Envelope envelope) { hub_.deliver(std::move(envelope)); };
}

void Service::wire_handlers() {
  hub_.outside = [this](v1::Envelope envelope) {
    if (envelope.to().service() == "controlplane" && envelope.to().zhost().empty())
      return control_plane_.send(std::move(envelope));
    relay_.send(envelope);
  };
  hub_.on_data = [this](const std::string& service, stdx::Bytes frame) {
    if (service == "zrun") relay_.send_data(std::move(frame));
  };
  hub_.on_service = [this](const v1::Hello& hello, bool connected) {
    if (!connected) return;
    publish_membership(hello.service());
    publish_revoked(hello.service());
    if (hello.service() == "zrun") publish_data_credentials();
    if (hello.service() == "zrun" && directory_.term() != 0) peer_list_publisher_.begin_anew();
  };
  wire_control_plane();
  peers_.on_link = [this](const std::string& peer, bool up) {
    neighbour_announcer_.link_changed(peer, up);
  };
  peers_.on_frame = [this](const std::string& peer, stdx::Bytes frame) {
    relay_.receive(peer, std::move(frame));
  };
  // startz remembers the membership for a zmesh that starts while the control plane is away.
  startz_.on_state = [this](bool connected) {
    if (!connected) return;
    if (members_.peers_size() > 0) return publish_membership("startz");
    startz_.request(rpc::address("", "startz"), "startz.membership", "", 2s,
                    rpc::expect<v1::MembersChanged>([this](stdx::Result<v1::MembersChanged> known) {
                      if (!known || members_.peers_size() > 0 || known->peers_size() == 0) return;
                      known->clear_records();  // they are startz's own
                      members_changed(std::move(*known));
                    }));
  };
  startz_.on("service.stop", [this](const rpc::Caller&, stdx::BytesView, rpc::Response respond) {
    respond(stdx::Bytes());
    if (on_stop) on_stop();
  });
  startz_.on("service.ping", [](const rpc::Caller&, stdx::BytesView, rpc::Response respond) {
    respond(stdx::Bytes());
  });
  auto& endpoint = hub_.endpoint();
  endpoint.on("zmesh.directory",
              rpc::typed<v1::DirectoryUpdate, v1::DirectoryReply>(
                  [this](const rpc::Caller&, v1::DirectoryUpdate update, auto done) {
                    const auto changed = directory_.apply(update);
                    if (!changed) return done(std::unexpected(changed.error()));
                    publish_records(update);
                    directory_changed(*changed, update.complete());
                    v1::DirectoryReply reply;
                    reply.set_sequence(directory_.sequence());
                    reply.set_term(directory_.term());
                    done(std::move(reply));
                  }));
  endpoint.on("zmesh.ping", rpc::typed<v1::PingRequest, v1::PingReply>(
                                [](const rpc::Caller& caller, v1::PingRequest request, auto done) {
                                  v1::PingReply reply;
                                  reply.set_sent(request.sent());
                                  for (const auto& relay : caller.route) reply.add_route(relay);
                                  done(std::move(reply));
                                }));
  endpoint.on("zmesh.send", rpc::typed<v1::SendRequest, v1::SendReply>(
                                [this](const rpc::Caller&, v1::SendRequest request, auto done) {
                                  send(std::move(request), std::move(done));
                                }));
}

// Once, and again until there is an answer or another link.
void Service::ask_members() {
  if (std::exchange(asking_members_, true)) return;
  hub_.endpoint().request(rpc::address("", "controlplane"), "controlplane.members",
                          v1::MembersRequest().SerializeAsString(), 5s,
                          rpc::expect<v1::MembersChanged>([this](auto members) {
                            asking_members_ = false;
                            if (members) return control_plane_.whole_list(std::move(*members));
                            // A link that comes is told the whole list.
                            if (control_plane_.connected())
                              members_timer_.set(1s, [this] { ask_members(); });
                          }));
}

// --- membership ---

void Service::members_changed(v1::MembersChanged members) {
  // Messages of the control plane can overtake one another only across links; a lower term is old.
  if (members.term() < members_.term()) return;
  members_ = std::move(members);
  peers_.set_members({members_.peers().begin(), members_.peers().end()});
  for (const char* service : {"zrms", "startz"}) publish_membership(service);
  const auto& revoked = members_.revoked_tokens();
  if (on_revoked) on_revoked({revoked.begin(), revoked.end()});
  if (revoked_.add({revoked.begin(), revoked.end()}, runtime_.clock.wall())) take_revoked();
  credentials_.keys_wanted(members_.keys_generation());
  for (const char* service : {"zrms", "zrun", "zbase"}) publish_revoked(service);
  publish_peers({});
}

void Service::publish_membership(const std::string& service) {
  if (members_.peers_size() == 0) return;
  if (service == "startz" && startz_.connected()) {
    startz_.notify(rpc::address("", "startz"), "zmesh.membership", members_.SerializeAsString());
    members_.clear_records();  // said once: what the directory tells later is newer
  }
  if (hub_.has(service) && service == "zrms")
    hub_.endpoint().notify(rpc::address("", service), "zmesh.membership",
                           members_.SerializeAsString());
}

// Each of them is asked by people with tokens. startz, which keeps the list, has the membership.
void Service::publish_revoked(const std::string& service) {
  if (service == "startz" || members_.revoked_tokens().empty() || !hub_.has(service)) return;
  v1::RevokedTokens revoked;
  *revoked.mutable_tokens() = members_.revoked_tokens();
  hub_.endpoint().notify(rpc::address("", service), "zmesh.revoked", revoked.SerializeAsString());
}

// What the data links of this zhost show and trust; its key is another one than ours.
void Service::publish_data_credentials() {
  if (!credentials_.ready() || !hub_.has("zrun")) return;
  const auto& current = credentials_.current();
  v1::DataCredentials data;
  data.set_cluster_id(options_.cluster_id);
  data.set_key(current.data_key());
  data.set_certificate(current.data_certificate());
  *data.mutable_authorities() = current.authorities();
  for (auto& revoked : revoked_.list()) *data.add_revoked() = std::move(revoked);
  hub_.endpoint().notify(rpc::address("", "zrun"), "zmesh.credentials", data.SerializeAsString());
}

// Certificates of forgotten zhosts are refused from the next link on; those that are up end.
void Service::take_revoked() {
  const auto zhosts = wire::revoked_zhosts(revoked_);
  credentials_.set_revoked(zhosts);
  peers_.set_revoked(zhosts);
  publish_data_credentials();
}

// startz keeps what this zhost knows of the records (P15).
void Service::publish_records(const v1::DirectoryUpdate& update) {
  if (update.lineage().empty() || !startz_.connected()) return;
  v1::RecordsNews news;
  news.mutable_known()->set_lineage(update.lineage());
  news.mutable_known()->set_counter(update.counter());
  news.mutable_known()->set_term(update.term());
  *news.mutable_former() = update.former();
  startz_.notify(rpc::address("", "startz"), "zmesh.records", news.SerializeAsString());
}

void Service::ping(const std::string& zhost, stdx::Duration timeout,
                   std::function<void(stdx::Result<Pong>)> done) {
  const auto sent = runtime_.clock.now();
  v1::PingRequest request;
  request.set_sent(static_cast<std::uint64_t>(sent.time_since_epoch().count()));
  hub_.endpoint().request(
      rpc::address(zhost, "zmesh"), "zmesh.ping", request.SerializeAsString(), timeout,
      rpc::expect<v1::PingReply>([this, zhost, sent, done](stdx::Result<v1::PingReply> reply) {
        if (!reply) return done(std::unexpected(reply.error()));
        done(Pong{
            zhost, {reply->route().begin(), reply->route().end()}, runtime_.clock.now() - sent});
      }));
}

void Service::send(v1::SendRequest request, Doorway::Done done) {
  doorway_.send(std::move(request), std::move(done));
}

// --- directory ---

// A zmesh that started anew asks for the whole until it has it.
void Service::want_directory() {
  if (directory_.term() == 0 && !members_.leader().empty())
    hub_.endpoint().notify(rpc::address(members_.leader(), "zrms"), "zrms.directory_wanted", "");
  if (directory_.term() == 0) directory_timer_.set(500ms, [this] { want_directory(); });
}

// Also where the whole names nothing here: zrun then knows that.
void Service::directory_changed(const std::vector<Directory::Name>& names, bool whole) {
  const auto changed = peer_list_.take_changes(names);
  if (!changed.empty() || whole) publish_peers(changed);
}

void Service::publish_peers(const PeerListPublisher::Changed& changed) {
  if (hub_.has("zrun") && directory_.term() != 0) peer_list_publisher_.publish(changed);
}

}  // namespace zmesh
