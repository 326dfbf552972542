// SPDX-License-Identifier: Apache-2.0
#include "controlplane/service.h"

#include <algorithm>

#include "model/topology.h"
#include "samoza/v1/tokens.pb.h"
#include "stdx/encoding.h"
#include "stdx/text.h"
#include "wire/access_token.h"
#include "wire/frame.h"
#include "wire/json.h"

namespace controlplane {
namespace {

using namespace std::chrono_literals;
using stdx::Code;

stdx::Bytes make_nonce(ports::Random& random) {
  stdx::Bytes nonce;
  for (int word = 0; word < 2; ++word) {
    const auto bits = random.next();
    for (int shift = 0; shift < 64; shift += 8) nonce.push_back(static_cast<char>(bits >> shift));
  }
  return nonce;
}

}  // namespace

Service::Service(ports::Runtime& runtime, ports::Transport& transport, ports::Store& store,
                 const ports::Security& security, Options options)
    : runtime_(runtime),
      transport_(transport),
      store_(store),
      certifier_(security.certifier),
      identity_(security.links),
      options_(std::move(options)),
      authority_(security.certifier, options_.authority),
      endpoint_(runtime, [this](v1::Envelope envelope) { send(std::move(envelope)); }),
      gate_(runtime, store, membership_),
      recoverer_(runtime, endpoint_, store, gate_),
      copier_(runtime, endpoint_, store, gate_, options_.copies),
      poll_timer_(runtime.executor),
      announce_timer_(runtime.executor),
      refused_links_(runtime.metrics.counter("samoza_controlplane_refused_links_total",
                                             "Links closed because there were too many")),
      unproved_links_(runtime.metrics.counter(
          "samoza_controlplane_unproved_links_total",
          "Links closed because of their certificate or their hello, or for want of one")),
      certified_(runtime.metrics.counter("samoza_controlplane_certificates_total",
                                         "Times that a zhost got its certificates")),
      certificates_refused_(
          runtime.metrics.counter("samoza_controlplane_certificates_refused_total",
                                  "Requests for certificates that were refused")),
      attempts_held_back_(runtime.metrics.counter(
          "samoza_controlplane_join_attempts_held_back_total",
          "Join tokens that were not good, of addresses that had shown too many such")),
      own_expires_(runtime.metrics.gauge("samoza_certificate_expires_seconds",
                                         "When a certificate expires, in seconds since 1970",
                                         {{"of", "control-plane"}})),
      authority_expires_(runtime.metrics.gauge("samoza_certificate_expires_seconds",
                                               "When a certificate expires, in seconds since 1970",
                                               {{"of", "authority"}})) {
  gate_.on_phase = [this] {
    record_keys();
    announce();
  };
  gate_.reread = [this] { refresh([](auto) {}); };
  copier_.linked = [this] { return linked_zhosts(); };
  copier_.has_other_members = [this] {
    const auto members = membership_.members();
    return std::any_of(members.begin(), members.end(), [this](const v1::Member& member) {
      return member.zhost_id() != options_.copies.own_zhost;
    });
  };
  wire_methods();
  wire_join_tokens();
  wire_routes();
}

Service::~Service() = default;

stdx::Status Service::start() {
  renew_own();
  // In a process WebSockets come in over the HTTP port (handle_websocket).
  if (!options_.listen.host.empty()) {
    TRY_ASSIGN(listener_,
               transport_.listen(options_.listen, [this](auto link) { accept(std::move(link)); }));
  }
  poll();
  copier_.start();
  return {};
}

std::set<std::string> Service::linked_zhosts() const {
  std::set<std::string> linked;
  for (const auto& [zhost, id] : by_zhost_) linked.insert(zhost);
  return linked;
}

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
  if (head.path != "/" && head.path != "/ws")
    return wire::error_response({Code::not_found, stdx::format("there is no WebSocket at {}",
                                                               stdx::printable(head.path, 200))});
  auto good = ports::check_role(head.caller, {ports::CertificateRole::zhost});
  if (good) good = authority_.check(head.caller);
  if (good) return std::nullopt;
  unproved_links_.add();
  if (const auto held_back = refusals_.pass(runtime_.clock.now()))
    runtime_.log.warn(
        "bad_hello",
        {{"peer", head.source}, {"why", good.error().message}, {"not_logged", *held_back}});
  auto response = wire::error_response(good.error());
  response.status = 401;
  return response;
}

void Service::handle_websocket(ports::HttpRequest, std::unique_ptr<ports::Link> link) {
  accept(std::move(link));
}

// --- members ---

stdx::Result<std::uint64_t> Service::authorize(const ports::HttpRequest& request,
                                               const std::string& zhost) const {
  TRY(ports::check_role(request.caller, {ports::CertificateRole::zhost}));
  TRY(authority_.check(request.caller));
  if (request.caller.name != zhost)
    return stdx::fail(Code::denied, stdx::format("zhost '{}' registers itself, and not '{}'",
                                                 request.caller.name, stdx::printable(zhost, 80)));
  const auto at = request.headers.find(link_header);
  if (at == request.headers.end()) return 0;
  const auto nonce = stdx::hex_decode(at->second);
  for (const auto& [id, connection] : connections_)
    if (nonce && connection.nonce == *nonce && connection.zhost == zhost) return id;
  return stdx::fail(Code::unavailable, "the link of this registration is gone");
}

void Service::register_over_http(const ports::HttpRequest& request, ports::HttpReply reply) {
  v1::RegisterRequest asked;
  if (auto parsed = wire::from_json(request.body, asked); !parsed)
    return reply(wire::error_response(parsed.error()));
  const auto link = authorize(request, asked.member().zhost_id());
  if (!link) {
    auto response = wire::error_response(link.error());
    if (link.error().code == Code::denied) response.status = 401;
    return reply(std::move(response));
  }
  const Registrant from{request.caller, *link};
  register_member(std::move(asked), from, register_tries, [this, reply, id = *link](auto result) {
    if (result && id != 0) admitted(id);
    reply(result ? wire::json_response(*result) : wire::error_response(result.error()));
  });
}

void Service::register_member(v1::RegisterRequest request, const Registrant& from, int tries,
                              Registered done) {
  const auto& member = request.member();
  if (request.cluster_id() != options_.cluster_id)
    return done(
        stdx::fail(Code::denied, stdx::format("this is cluster '{}', not '{}'", options_.cluster_id,
                                              stdx::printable(request.cluster_id(), 80))));
  if (!model::is_name(member.zhost_id()) || member.incarnation() == 0)
    return done(
        stdx::fail(Code::invalid, "member.zhost_id (a name) and member.incarnation are needed"));
  if (member.ByteSizeLong() > Membership::member_bytes_max)
    return done(stdx::fail(
        Code::invalid,
        stdx::format("what zhost '{}' says of itself (labels, devices, region) takes "
                     "{} bytes; {} are allowed",
                     member.zhost_id(), member.ByteSizeLong(), Membership::member_bytes_max)));
  // The row first: another control plane, or this one a moment ago, may have changed it.
  refresh([this, request, from, tries, done](stdx::Status refreshed) {
    if (!refreshed) return done(std::unexpected(refreshed.error()));
    gate_.admit(request, [this, request, from, tries, done](stdx::Status admitted) {
      if (!admitted) return done(std::unexpected(admitted.error()));
      write_member(request, from, tries, done);
    });
  });
}

bool Service::connected_elsewhere(const std::string& zhost, std::uint64_t link) const {
  return std::any_of(connections_.begin(), connections_.end(), [&](const auto& at) {
    return at.first != link && at.second.admitted && at.second.zhost == zhost;
  });
}

void Service::write_member(const v1::RegisterRequest& request, const Registrant& from, int tries,
                           Registered done) {
  auto wanted = request.member();
  // It may have been forgotten while its registration waited for the records.
  if (const auto good = authority_.check(from.who); !good)
    return done(std::unexpected(good.error()));
  const auto version = membership_.admit(wanted, connected_elsewhere(wanted.zhost_id(), from.link));
  if (!version) return done(std::unexpected(version.error()));
  wanted.clear_forgotten();  // not for a zhost to say
  wanted.clear_dead();
  wanted.set_local(authority_.is_local(wanted.zhost_id()));
  wanted.set_registered_at(stdx::format_rfc3339(runtime_.clock.wall()));
  std::vector<ports::RecordChange> changes{
      {"zhost", wanted.zhost_id(), *version, wanted.SerializeAsString()}};
  const auto revoked =
      authority_.said({request.revoked().begin(), request.revoked().end()}, runtime_.clock.wall());
  changes.insert(changes.end(), revoked.begin(), revoked.end());
  store_.commit({}, std::move(changes),
                [this, request, wanted, from, revoked, version = *version, tries,
                 done](stdx::Result<ports::Store::Committed> committed) {
                  if (!committed && committed.error().code == Code::conflict && tries > 1)
                    return register_member(request, from, tries - 1, done);
                  if (!committed) return done(std::unexpected(wrote(committed.error())));
                  wrote();
                  gate_.committed(committed->revision);
                  membership_.learn(wanted, version + 1, runtime_.clock.now());
                  learn_written(revoked);
                  if (!revoked.empty())
                    runtime_.log.warn("revoked_before_records_were_put_back",
                                      {{"told_by", wanted.zhost_id()}, {"count", revoked.size()}});
                  runtime_.log.info("zhost_registered", {{"zhost", wanted.zhost_id()},
                                                         {"incarnation", wanted.incarnation()}});
                  const auto now = member_news_.answer(state());
                  v1::RegisterReply reply;
                  *reply.mutable_records() = gate_.known();
                  *reply.mutable_supers() = now.supers();
                  *reply.mutable_peers() = now.peers();
                  reply.set_leader(now.leader());
                  reply.set_term(now.term());
                  reply.set_copies_detail(now.copies_detail());
                  *reply.mutable_revoked_tokens() = now.revoked_tokens();
                  reply.set_sequence(now.sequence());
                  reply.set_keys_generation(now.keys_generation());
                  done(std::move(reply));
                  announce();
                });
}

void Service::forget_member(v1::ForgetRequest request,
                            std::function<void(stdx::Result<v1::ForgetReply>)> done) {
  refresh([this, request, done](stdx::Status refreshed) {
    if (!refreshed) return done(std::unexpected(refreshed.error()));
    if (const auto open = gate_.may_commit(); !open) return done(std::unexpected(open.error()));
    const auto row = membership_.to_forget(request.zhost_id(), request.incarnation());
    if (!row) return done(std::unexpected(row.error()));
    const auto wall = runtime_.clock.wall();
    std::vector<ports::RecordChange> own{authority_.keys().zhost_forgotten(wall)};
    auto key = authority_.to_forget(request.zhost_id(), wall);
    if (!key) return done(std::unexpected(key.error()));
    own.insert(own.end(), std::make_move_iterator(key->begin()),
               std::make_move_iterator(key->end()));
    auto changes = own;
    changes.push_back({"zhost", request.zhost_id(), row->version, row->member.SerializeAsString()});
    // Fenced: only who holds the term has judged it dead (P7).
    store_.commit(request.term(), std::move(changes),
                  [this, row = *row, own, done](stdx::Result<ports::Store::Committed> committed) {
                    if (!committed) return done(std::unexpected(committed.error()));
                    gate_.committed(committed->revision);
                    learn_written(own);
                    renew_own();
                    membership_.learn(row.member, row.version + 1, runtime_.clock.now());
                    runtime_.log.info("zhost_forgotten",
                                      {{"zhost", row.member.zhost_id()},
                                       {"incarnation", row.member.incarnation()}});
                    done(v1::ForgetReply());
                    announce();
                  });
  });
}

// Fenced, like a forgetting. Said again where it was not taken: a verdict stands until a beat
// comes.
void Service::mark_member(const v1::MarkRequest& request,
                          std::function<void(stdx::Result<v1::MarkReply>)> done) {
  if (const auto open = gate_.may_commit(); !open) return done(std::unexpected(open.error()));
  const auto row = membership_.to_mark(request.zhost_id(), request.incarnation(), request.dead());
  if (!row) return done(std::unexpected(row.error()));
  if (row->version == 0) return done(v1::MarkReply());
  store_.commit(request.term(),
                {{"zhost", request.zhost_id(), row->version, row->member.SerializeAsString()}},
                [this, row = *row, done](stdx::Result<ports::Store::Committed> committed) {
                  if (!committed) return done(std::unexpected(committed.error()));
                  gate_.committed(committed->revision);
                  membership_.learn(row.member, row.version + 1, runtime_.clock.now());
                  done(v1::MarkReply());
                });
}

void Service::refresh(std::function<void(stdx::Status)> done) {
  store_.read_since(revision_, [this, done](stdx::Result<ports::Store::Snapshot> snapshot) {
    if (!snapshot) {
      if (!std::exchange(store_damaged_, snapshot.error().code == Code::corrupt) && store_damaged_)
        runtime_.log.error("records_damaged", {{"why", snapshot.error().message}});
      store_trouble_ = snapshot.error().message;
      return done(std::unexpected(snapshot.error()));
    }
    store_trouble_.clear();
    store_damaged_ = false;
    revision_ = std::max(revision_, snapshot->revision);
    if (snapshot->term.version > term_.version) term_ = snapshot->term;
    if (snapshot->whole) forget_unnamed(*snapshot);
    for (const auto& record : snapshot->records) {
      if (learn_own(record) || record.kind != "zhost") continue;
      if (auto member = wire::parse<v1::Member>(record.value))
        membership_.learn(std::move(*member), record.version, runtime_.clock.now());
      else
        runtime_.log.error("bad_record", {{"kind", record.kind}, {"key", record.key}});
    }
    for (const auto& [kind, key] : snapshot->deleted) {
      if (kind == "zhost") membership_.forget(key);
      forget_own(kind, key);
    }
    learn_tokens(*snapshot);
    gate_.read(*snapshot);
    done({});
  });
}

// A revoked token is told of until it expires; its row stays as long.
void Service::learn_tokens(const ports::Store::Snapshot& snapshot) {
  bool news = false;
  for (const auto& record : snapshot.records) {
    if (record.kind != "token") continue;
    const auto token = wire::parse<v1::TokenRecord>(record.value);
    if (!token) {
      runtime_.log.error("bad_record", {{"kind", record.kind}, {"key", record.key}});
      continue;
    }
    if (token->revoked().empty()) continue;
    news |= revoked_.insert_or_assign(record.key, token->expires()).second;
  }
  const auto now = wire::seconds_of(runtime_.clock.wall());
  std::erase_if(revoked_, [now](const auto& token) { return token.second <= now; });
  if (!news || !on_revoked) return;
  const auto told = state().revoked_tokens();
  on_revoked({told.begin(), told.end()});
}

// What was deleted since the last read is not told one by one any more.
void Service::forget_unnamed(const ports::Store::Snapshot& snapshot) {
  std::set<std::string> named;
  for (const auto& record : snapshot.records)
    if (record.kind == "zhost") named.insert(record.key);
  for (const auto& member : membership_.members())
    if (!named.contains(member.zhost_id())) membership_.forget(member.zhost_id());
}

void Service::poll() {
  refresh([this](stdx::Status) {
    renew_own();
    change_keys();
    copier_.look();
    announce();
    poll_timer_.set(options_.poll_interval, [this] { poll(); });
  });
}

v1::MembersChanged Service::state() const {
  v1::MembersChanged now;
  for (const auto& super : membership_.supers(runtime_.clock.now())) now.add_supers(super);
  for (const auto& member : membership_.members()) *now.add_peers() = member;
  now.set_leader(term_.holder.substr(0, term_.holder.find('/')));
  now.set_term(term_.term);
  now.set_copies_detail(copier_.detail());
  for (const auto& [id, expires] : revoked_)
    now.add_revoked_tokens(stdx::format("{}/{}", id, expires));
  for (auto& revoked : authority_.revoked(runtime_.clock.wall()))
    now.add_revoked_tokens(std::move(revoked));
  now.set_keys_generation(authority_.keys().generation());
  return now;
}

void Service::announce() {
  if (announce_timer_.pending()) return;
  const auto due = announced_at_ + announce_every - runtime_.clock.now();
  if (announced_at_ == stdx::Instant{} || due <= stdx::Duration::zero()) return announce_now();
  announce_timer_.set(due, [this] { announce_now(); });
}

// Without the counter of the records: else every batch would tell everybody.
void Service::announce_now() {
  if (!gate_.is_open()) return;
  if (!member_news_.announce(state())) return;
  announced_at_ = runtime_.clock.now();
  for (const auto& [zhost, id] : by_zhost_) publish_members(connections_.at(id));
}

void Service::publish_members(Connection& connection) {
  auto said = member_news_.for_link(connection.told);
  *said.mutable_records() = gate_.known();
  connection.told = member_news_.sequence();
  endpoint_.notify(rpc::address(connection.zhost, "zmesh"), "controlplane.changed",
                   said.SerializeAsString());
}

// --- links ---

// A zhost that opens links and says no hello on them closes its own.
void Service::make_room_for(const std::string& zhost) {
  std::vector<std::uint64_t> silent;
  for (const auto& [id, connection] : connections_)
    if (connection.zhost.empty() && connection.link->identity().name == zhost) silent.push_back(id);
  if (silent.size() < unproved_of_one_max) return;
  unproved_links_.add();
  drop(silent.front());
}

void Service::accept(std::unique_ptr<ports::Link> link) {
  make_room_for(link->identity().name);
  if (connections_.size() >= links_max || unproved_ >= unproved_max) {
    refused_links_.add();
    if (const auto held_back = refusals_.pass(runtime_.clock.now()))
      runtime_.log.warn(
          "links_full",
          {{"links", connections_.size()}, {"unproved", unproved_}, {"not_logged", *held_back}});
    return;
  }
  const auto id = next_connection_++;
  auto& connection = connections_[id];
  connection.link = std::move(link);
  connection.timeout = std::make_unique<ports::Timer>(runtime_.executor);
  connection.timeout->set(hello_timeout,
                          [this, id] { refuse(id, {Code::timeout, "no hello in time"}); });
  ++unproved_;
  connection.link->start(
      {.on_frame = [this, id](stdx::Bytes frame) { receive(id, std::move(frame)); },
       .on_closed =
           [this, id](const stdx::Error& why) {
             protocol_errors_.link_ended(why);
             drop(id);
           },
       .on_writable = {}});
}

stdx::Result<v1::Hello> Service::check_hello(const Connection& connection,
                                             stdx::BytesView frame) const {
  const auto who = connection.link->identity();
  TRY(ports::check_role(who, {ports::CertificateRole::zhost}));
  TRY(authority_.check(who));
  TRY_ASSIGN(const auto kind, wire::frame_kind(frame));
  if (kind != wire::FrameKind::hello) return stdx::fail(Code::invalid, "no hello");
  TRY_ASSIGN(auto hello, wire::parse_frame<v1::Hello>(frame));
  if (!model::is_name(hello.zhost()) || hello.service() != "zmesh")
    return stdx::fail(Code::invalid, "no hello of a zmesh");
  if (hello.zhost() != who.name)
    return stdx::fail(Code::denied, stdx::format("its hello names zhost '{}', its certificate '{}'",
                                                 hello.zhost(), who.name));
  return hello;
}

void Service::refuse(std::uint64_t id, const stdx::Error& why) {
  const auto at = connections_.find(id);
  if (at == connections_.end()) return;
  unproved_links_.add();
  if (const auto held_back = refusals_.pass(runtime_.clock.now()))
    runtime_.log.warn(
        "bad_hello",
        {{"peer", at->second.link->peer()}, {"why", why.message}, {"not_logged", *held_back}});
  // Posted: the link is in the middle of a call to us.
  runtime_.executor.post([this, id, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) drop(id);
  });
}

void Service::link_up(std::uint64_t id, const std::string& zhost) {
  auto& connection = connections_.at(id);
  connection.nonce = make_nonce(runtime_.random);
  v1::Hello hello;
  hello.set_service("controlplane");
  hello.set_version(options_.version);
  hello.set_nonce(connection.nonce);
  connection.link->send(wire::encode_frame(wire::FrameKind::hello, hello));
  connection.zhost = zhost;
  connection.timeout.reset();
  --unproved_;
  if (connection.admitted || !by_zhost_.contains(connection.zhost))
    by_zhost_[connection.zhost] = id;
  membership_.linked(connection.zhost, true, runtime_.clock.now());
  // What changed between its registration and this link.
  if (!gate_.is_open()) return;
  if (member_news_.sequence() == 0) return announce();
  // Another link of its zhost may be the one that events go to: this one is told when it is.
  if (by_zhost_.at(connection.zhost) == id) publish_members(connection);
}

void Service::admitted(std::uint64_t id) {
  const auto at = connections_.find(id);
  if (at == connections_.end()) return;
  at->second.admitted = true;
  by_zhost_[at->second.zhost] = id;
}

void Service::receive(std::uint64_t id, stdx::Bytes frame) {
  const auto at = connections_.find(id);
  if (at == connections_.end()) return;
  auto& connection = at->second;
  // It is being dropped.
  if (!authority_.check(connection.link->identity())) return;
  const auto kind = wire::frame_kind(frame);
  if (connection.zhost.empty()) {
    const auto hello = check_hello(connection, frame);
    if (!hello)
      refuse(id, hello.error());
    else
      link_up(id, hello->zhost());
    return;
  }
  auto envelope = kind && *kind == wire::FrameKind::envelope
                      ? wire::parse_frame<v1::Envelope>(frame)
                      : stdx::fail(Code::invalid, "no envelope");
  if (!envelope) {
    runtime_.log.warn("bad_frame", {{"zhost", connection.zhost}, {"bytes", frame.size()}});
    return;
  }
  // A zmesh speaks for the services of its own zhost only.
  envelope->mutable_from()->set_zhost(connection.zhost);
  endpoint_.receive(std::move(*envelope));
}

void Service::drop(std::uint64_t id) {
  auto node = connections_.extract(id);
  if (node.empty()) return;
  if (node.mapped().zhost.empty()) {
    --unproved_;
    return;
  }
  const auto& zhost = node.mapped().zhost;
  membership_.linked(zhost, false, runtime_.clock.now());
  const auto at = by_zhost_.find(zhost);
  if (at == by_zhost_.end() || at->second != id) return;
  by_zhost_.erase(at);
  for (const auto& [other, connection] : connections_)
    if (connection.zhost == zhost) by_zhost_[zhost] = other;
}

void Service::send(v1::Envelope envelope) {
  const auto at = by_zhost_.find(envelope.to().zhost());
  if (at == by_zhost_.end()) return;  // gone; it asks again
  *envelope.mutable_from() = rpc::address("", "controlplane");
  wire::send_envelope(*connections_.at(at->second).link, envelope);
}

}  // namespace controlplane
