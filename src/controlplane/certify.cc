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

void Service::learn_key(const ports::Record& record) {
  auto key = wire::parse<v1::KeyRecord>(record.value);
  if (key)
    authority_.learn(record.key, std::move(*key), record.version);
  else
    runtime_.log.error("bad_record", {{"kind", record.kind}, {"key", record.key}});
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
      learn_key({change.kind, change.key, change.expected_version + 1, *change.value});
    });
}

void Service::certify_over_http(const ports::HttpRequest& request, ports::HttpReply reply) {
  v1::CertifyRequest asked;
  if (auto parsed = wire::from_json(request.body, asked); !parsed)
    return reply(wire::error_response(parsed.error()));
  // Another control plane may have recorded a key a moment ago. Where the store is away, what was
  // read of it counts: a zhost that is known must not lose its certificate over that.
  refresh([this, asked = std::move(asked), reply = std::move(reply)](stdx::Status read) {
    if (!read && revision_ == 0) return reply(wire::error_response(read.error()));
    certify(asked, register_tries, reply);
  });
}

void Service::certify(const v1::CertifyRequest& request, int tries, ports::HttpReply reply) {
  const auto wall = runtime_.clock.wall();
  const auto decision = authority_.judge(request, runtime_.clock.now(), wall);
  auto issued = decision ? authority_.issue(request, wall)
                         : stdx::Result<v1::CertifyReply>(std::unexpected(decision.error()));
  if (!issued) {
    certificates_refused_.add();
    if (const auto held_back = refusals_.pass(runtime_.clock.now()))
      runtime_.log.warn("certificate_refused", {{"zhost", stdx::printable(request.zhost(), 80)},
                                                {"why", issued.error().message},
                                                {"not_logged", *held_back}});
    return reply(wire::error_response(issued.error()));
  }
  certified_.add();
  runtime_.log.info(
      "zhost_certified",
      {{"zhost", request.zhost()}, {"why", decision->why}, {"token", request.token_id()}});
  const auto answer = [reply, response = wire::json_response(*issued)] { reply(response); };
  if (!decision->change) return answer();
  // While the records are not open (P15) nothing is written: they may be older than this zhost.
  if (!gate_.is_open()) {
    const auto& change = *decision->change;
    learn_key({change.kind, change.key, change.expected_version, *change.value});
    if (unrecorded_.size() < Membership::members_max) unrecorded_[change.key] = change;
    return answer();
  }
  store_.commit(
      {}, {*decision->change},
      [this, request, tries, reply, answer, change = *decision->change](auto committed) {
        if (committed) {
          gate_.committed(committed->revision);
          learn_key({change.kind, change.key, change.expected_version + 1, *change.value});
          return answer();
        }
        const auto& why = committed.error();
        runtime_.log.warn("key_not_recorded", {{"zhost", change.key}, {"why", why.message}});
        // Somebody recorded a key for this id meanwhile: is it that one?
        if (why.code == Code::conflict && tries > 1)
          return refresh(
              [this, request, tries, reply](stdx::Status) { certify(request, tries - 1, reply); });
        // Of two that join as one zhost only one is recorded, and only that one gets in.
        reply(wire::error_response({Code::unavailable, why.message}));
      });
}

}  // namespace controlplane
