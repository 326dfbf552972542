// SPDX-License-Identifier: Apache-2.0
#include "controlplane/certificate_api.h"

#include <utility>

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

CertificateApi::CertificateApi(ports::Runtime& runtime, ports::Store& store,
                               ports::LinkIdentity& identity, Authority& authority,
                               RecordsGate& gate, RecordsCache& records)
    : runtime_(runtime),
      store_(store),
      identity_(identity),
      authority_(authority),
      gate_(gate),
      records_(records),
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
                                               {{"of", "authority"}})) {}

void CertificateApi::renew_own() {
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

void CertificateApi::change_keys() {
  if (!gate_.is_open()) return;
  const auto change = authority_.keys().due(runtime_.clock.wall());
  if (!change) return;
  // If it fails, the next poll tries again; another control plane may have done it meanwhile.
  commit_key(*change, [this](const stdx::Status& committed) {
    if (!committed) return;
    runtime_.log.info("keys_changed", {{"generation", authority_.keys().generation()}});
    on_change();
  });
}

// A zhost has newer keys than these records, which were put back from an older copy.
void CertificateApi::follow_keys(const v1::CertifyRequest& request) {
  const auto change =
      authority_.keys().ahead(request.beat_generation(), request.access_generation(),
                              request.generations_seal(), runtime_.clock.wall());
  if (!change) return;
  runtime_.log.warn("keys_were_ahead", {{"zhost", request.zhost()}});
  records_.learn_own({change->kind, change->key, change->expected_version, *change->value});
  if (!gate_.is_open()) return;  // written with the next change
  commit_key(*change, [](const stdx::Status&) {});
}

void CertificateApi::commit_key(const ports::RecordChange& change,
                                std::function<void(const stdx::Status&)> done) {
  store_.commit({}, {change}, [this, change, done = std::move(done)](auto committed) {
    if (!committed) return done(std::unexpected(records_.write_failed(committed.error())));
    gate_.committed(committed->revision);
    records_.learn_written({change});
    done({});
  });
}

// Keys that were proved before the records opened. If another control plane recorded a key of that
// zhost meanwhile, that one counts. A key that the store did not take is tried with the next poll.
void CertificateApi::record_keys() {
  if (!gate_.is_open()) return;
  for (auto& [zhost, change] : std::exchange(unrecorded_, {}))
    commit_key(change, [this, change](const stdx::Status& committed) {
      if (committed) return;
      runtime_.log.warn("key_not_recorded",
                        {{"zhost", change.key}, {"why", committed.error().message}});
      if (committed.error().code != Code::conflict) unrecorded_.try_emplace(change.key, change);
    });
}

void CertificateApi::certify(const ports::HttpRequest& request, ports::HttpReply reply) {
  v1::CertifyRequest asked;
  if (auto parsed = wire::from_json(request.body, asked); !parsed)
    return reply(wire::error_response(parsed.error()));
  // Another control plane may have recorded a key a moment ago. Where the store is away, what was
  // read of it counts: a zhost that is known must not lose its certificate over that.
  records_.refresh([this, asked = std::move(asked), source = request.source,
                    reply = std::move(reply)](stdx::Status read) {
    if (!read && !records_.was_read()) return reply(wire::error_response(read.error()));
    certify(asked, source, tries_max, reply);
  });
}

void CertificateApi::certify(const v1::CertifyRequest& request, const std::string& source,
                             int tries, ports::HttpReply reply) {
  const auto wall = runtime_.clock.wall();
  const auto decision =
      authority_.judge(request, source, runtime_.clock.now(), wall, gate_.is_open());
  if (decision) follow_keys(request);
  auto issued = decision ? authority_.issue(request, wall)
                         : stdx::Result<v1::CertifyReply>(std::unexpected(decision.error()));
  if (!issued) {
    refused(request, issued.error());
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
    records_.learn_own({change.kind, change.key, change.expected_version, *change.value});
    if (unrecorded_.size() < Membership::members_max) unrecorded_[change.key] = change;
    return answer();
  }
  store_.commit(
      {}, decision->changes,
      [this, request, source, tries, reply, answer, changes = decision->changes](auto committed) {
        if (committed) {
          gate_.committed(committed->revision);
          records_.learn_written(changes);
          answer();
          // A join token that has ended is announced.
          return on_change();
        }
        const auto why = committed.error();
        records_.write_failed(why);
        runtime_.log.warn("key_not_recorded", {{"zhost", request.zhost()}, {"why", why.message}});
        // Somebody recorded a key for this id, or used the token, meanwhile.
        if (why.code == Code::conflict && tries > 1)
          return records_.refresh([this, request, source, tries, reply](stdx::Status) {
            certify(request, source, tries - 1, reply);
          });
        // Of two that join as one zhost only one is recorded, and only that one gets in.
        reply(wire::error_response({Code::unavailable, why.message}));
      });
}

void CertificateApi::refused(const v1::CertifyRequest& request, const stdx::Error& why) {
  certificates_refused_.add();
  if (why.code == Code::full) attempts_held_back_.add();
  if (const auto held_back = refusals_.pass(runtime_.clock.now()))
    runtime_.log.warn("certificate_refused", {{"zhost", stdx::printable(request.zhost(), 80)},
                                              {"why", why.message},
                                              {"not_logged", *held_back}});
}

}  // namespace controlplane
