// SPDX-License-Identifier: Apache-2.0
// The control plane as certificate authority: POST /v1/certificates, and its own certificate.
#include "controlplane/service.h"
#include "stdx/text.h"
#include "wire/frame.h"
#include "wire/json.h"

namespace controlplane {

using stdx::Code;

namespace {

std::int64_t seconds(stdx::WallTime at) {
  return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
}

}  // namespace

// Looked at with each poll, as the clock of the wall may jump.
void Service::renew_own() {
  const auto now = runtime_.clock.wall();
  const auto half = std::chrono::duration_cast<std::chrono::milliseconds>(Authority::life / 2);
  if (now < own_until_ && now + 2 * half > own_until_) return;
  const auto own = authority_.own(now);
  const auto used =
      own ? identity_.use(*own, authority_.trust()) : stdx::Status(std::unexpected(own.error()));
  if (!used) {
    runtime_.log.error("own_certificate_not_made", {{"why", used.error().message}});
    return;
  }
  own_until_ = now + half;
  own_expires_.set(seconds(now + 2 * half));
  authority_expires_.set(seconds(authority_.validity().not_after));
}

// Of the kinds that the control plane alone writes. False: it is of another kind.
bool Service::learn_own(const ports::Record& record) {
  const auto take = [&](auto parsed, auto learn) {
    if (parsed)
      learn(std::move(*parsed));
    else
      runtime_.log.error("bad_record", {{"kind", record.kind}, {"key", record.key}});
    return true;
  };
  if (record.kind == "key")
    return take(wire::parse<v1::KeyRecord>(record.value), [&](auto key) {
      authority_.learn(record.key, std::move(key), record.version);
      drop_revoked();
    });
  if (record.kind == Revocations::record_kind)
    return take(wire::parse<v1::RevokedRecord>(record.value), [&](auto revoked) {
      own_until_ = {};  // what this control plane trusts is used anew
      authority_.revocations().learn(record.key, revoked.until(), record.version);
      drop_revoked();
    });
  if (record.kind == KeyBook::record_kind)
    return take(wire::parse<v1::KeysRecord>(record.value),
                [&](auto keys) { authority_.keys().learn(std::move(keys), record.version); });
  if (record.kind == JoinTokens::record_kind)
    return take(wire::parse<v1::JoinTokenRecord>(record.value), [&](auto token) {
      authority_.join_tokens().learn(std::move(token), record.version);
    });
  return false;
}

void Service::learn_written(const std::vector<ports::RecordChange>& changes) {
  for (const auto& change : changes) {
    if (change.value)
      learn_own({change.kind, change.key, change.expected_version + 1, *change.value});
    else
      forget_own(change.kind, change.key);
  }
}

void Service::forget_own(const std::string& kind, const std::string& key) {
  if (kind == "key") authority_.forget(key);
  if (kind == JoinTokens::record_kind) authority_.join_tokens().forget(key);
  if (kind == Revocations::record_kind) authority_.revocations().forget(key);
}

// Also links that have not said their hello, by the certificate that they showed. Nothing that they
// say meanwhile is taken (receive).
void Service::drop_revoked() {
  for (const auto& [id, connection] : connections_)
    // Posted: a link may be in the middle of a call to us.
    if (!authority_.check(connection.link->identity()))
      runtime_.executor.post([this, id = id, alive = std::weak_ptr<bool>(alive_)] {
        if (!alive.expired()) drop(id);
      });
}

// Looked at with each poll.
void Service::change_keys() {
  if (!gate_.is_open()) return;
  const auto change = authority_.keys().due(runtime_.clock.wall());
  if (!change) return;
  store_.commit({}, {*change}, [this, change = *change](auto committed) {
    // Else it is tried again with the next poll; another control plane may have done it.
    if (!committed) return;
    gate_.committed(committed->revision);
    learn_written({change});
    runtime_.log.info("keys_changed", {{"generation", authority_.keys().generation()}});
    announce();
  });
}

// A zhost has newer keys than these records, which were put back from an older copy.
void Service::follow_keys(const v1::CertifyRequest& request) {
  const auto change =
      authority_.keys().ahead(request.beat_generation(), request.access_generation(),
                              request.generations_seal(), runtime_.clock.wall());
  if (!change) return;
  runtime_.log.warn("keys_were_ahead", {{"zhost", request.zhost()}});
  learn_own({change->kind, change->key, change->expected_version, *change->value});
  if (!gate_.is_open()) return;  // written with the next change
  store_.commit({}, {*change}, [this, change = *change](auto committed) {
    if (!committed) return;
    gate_.committed(committed->revision);
    learn_written({change});
  });
}

// Keys that were proved before the records opened. Where another control plane recorded one
// meanwhile, that one counts.
void Service::record_keys() {
  if (!gate_.is_open()) return;
  for (auto& [zhost, change] : std::exchange(unrecorded_, {}))
    store_.commit({}, {change}, [this, change](auto committed) {
      if (!committed) {
        runtime_.log.warn("key_not_recorded",
                          {{"zhost", change.key}, {"why", committed.error().message}});
        return;
      }
      gate_.committed(committed->revision);
      learn_written({change});
    });
}

void Service::certify_over_http(const ports::HttpRequest& request, ports::HttpReply reply) {
  v1::CertifyRequest asked;
  if (auto parsed = wire::from_json(request.body, asked); !parsed)
    return reply(wire::error_response(parsed.error()));
  // Another control plane may have recorded a key a moment ago. Where the store is away, what was
  // read of it counts: a zhost that is known must not lose its certificate over that.
  refresh([this, asked = std::move(asked), source = request.source,
           reply = std::move(reply)](stdx::Status read) {
    if (!read && revision_ == 0) return reply(wire::error_response(read.error()));
    certify(asked, source, register_tries, reply);
  });
}

void Service::certify(const v1::CertifyRequest& request, const std::string& source, int tries,
                      ports::HttpReply reply) {
  const auto wall = runtime_.clock.wall();
  const auto decision =
      authority_.judge(request, source, runtime_.clock.now(), wall, gate_.is_open());
  if (decision) follow_keys(request);
  auto issued = decision ? authority_.issue(request, wall)
                         : stdx::Result<v1::CertifyReply>(std::unexpected(decision.error()));
  if (!issued) {
    certificates_refused_.add();
    if (issued.error().code == Code::full) attempts_held_back_.add();
    if (const auto held_back = refusals_.pass(runtime_.clock.now()))
      runtime_.log.warn("certificate_refused", {{"zhost", stdx::printable(request.zhost(), 80)},
                                                {"why", issued.error().message},
                                                {"not_logged", *held_back}});
    return reply(wire::error_response(issued.error()));
  }
  const auto answer = [this, reply, response = wire::json_response(*issued), why = decision->why,
                       zhost = request.zhost(), token = request.token_id()] {
    certified_.add();
    runtime_.log.info("zhost_certified", {{"zhost", zhost}, {"why", why}, {"token", token}});
    reply(response);
  };
  if (decision->changes.empty()) return answer();
  // While the records are not open (P15) nothing is written: they may be older than this zhost.
  if (!gate_.is_open()) {
    const auto& change = decision->changes.front();
    learn_own({change.kind, change.key, change.expected_version, *change.value});
    if (unrecorded_.size() < Membership::members_max) unrecorded_[change.key] = change;
    return answer();
  }
  store_.commit(
      {}, decision->changes,
      [this, request, source, tries, reply, answer, changes = decision->changes](auto committed) {
        if (committed) {
          gate_.committed(committed->revision);
          learn_written(changes);
          answer();
          // A join token that has ended is told of.
          return announce();
        }
        const auto& why = committed.error();
        runtime_.log.warn("key_not_recorded", {{"zhost", request.zhost()}, {"why", why.message}});
        // Somebody recorded a key for this id, or used the token, meanwhile.
        if (why.code == Code::conflict && tries > 1)
          return refresh([this, request, source, tries, reply](stdx::Status) {
            certify(request, source, tries - 1, reply);
          });
        // Of two that join as one zhost only one is recorded, and only that one gets in.
        reply(wire::error_response({Code::unavailable, why.message}));
      });
}

}  // namespace controlplane
