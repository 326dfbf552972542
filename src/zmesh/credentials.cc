// SPDX-License-Identifier: Apache-2.0
#include "zmesh/credentials.h"

#include <algorithm>

#include "stdx/encoding.h"
#include "stdx/text.h"
#include "wire/certify.h"
#include "wire/join_token.h"
#include "wire/json.h"
#include "wire/key_ring.h"

namespace zmesh {

using namespace std::chrono_literals;
using Role = ports::CertificateRole;
using stdx::Code;

namespace {

constexpr stdx::Duration back_off_min = 100ms, back_off_max = 30s;
// The wall clock may jump, so it is looked at this often.
constexpr stdx::Duration look_every = 10s;
constexpr stdx::Duration answer_timeout = 5s;

std::int64_t seconds(stdx::WallTime at) {
  return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
}

ports::Gauge& expires_gauge(ports::Metrics& metrics, const char* of) {
  return metrics.gauge("samoza_certificate_expires_seconds",
                       "When a certificate expires, in seconds since 1970", {{"of", of}});
}

}  // namespace

Credentials::Credentials(ports::Runtime& runtime, const ports::Security& security,
                         ports::HttpClient& http, ControlPlaneAddresses& control_plane,
                         Options options)
    : runtime_(runtime),
      certifier_(security.certifier),
      links_(security.links),
      asking_as_(security.asking),
      http_(http),
      control_plane_(control_plane),
      options_(std::move(options)),
      back_off_(back_off_min),
      timer_(runtime.executor),
      expires_(expires_gauge(runtime.metrics, "zhost")),
      authority_expires_(expires_gauge(runtime.metrics, "authority")),
      clock_gauge_(runtime.metrics.gauge(
          "samoza_zmesh_clock_difference_ms",
          "The clock of the control plane less that of this machine, when last heard")),
      renewed_(runtime.metrics.counter("samoza_zmesh_certificates_renewed_total",
                                       "Certificates that this zhost got")),
      failed_(runtime.metrics.counter("samoza_zmesh_certificates_failed_total",
                                      "Requests for certificates that failed")) {}

Credentials::~Credentials() = default;

ports::Trust Credentials::trust() const {
  ports::Trust trust{
      options_.cluster_id, {current_.authorities().begin(), current_.authorities().end()}, {}};
  trust.revoked = revoked_;
  return trust;
}

void Credentials::start() {
  take_kept();
  make_keys();
  if (wire::check_ring(options_.kept_keys)) keys_ = options_.kept_keys;
  look();
}

bool Credentials::keys_due() const {
  return keys_.beat().empty() || keys_wanted_ > wire::generation_of(keys_);
}

void Credentials::keys_wanted(std::uint64_t generation) {
  if (generation <= std::max(keys_wanted_, wire::generation_of(keys_))) return;
  keys_wanted_ = generation;
  if (asking_) return;
  const auto spread = static_cast<std::uint64_t>(keys_spread.count());
  look_after(stdx::Duration(static_cast<std::int64_t>(runtime_.random.next() % spread)));
}

void Credentials::doubt() {
  const auto now = runtime_.clock.now();
  if (!ready_ || asking_ || (doubted_at_ && now - *doubted_at_ < doubt_every)) return;
  doubted_at_ = now;
  doubted_ = true;
  look_after(back_off_min);
}

void Credentials::set_revoked(std::vector<ports::Trust::Revoked> revoked) {
  if (revoked == revoked_) return;
  revoked_ = std::move(revoked);
  if (!ready_) return;
  if (const auto used = links_.use({current_.key(), current_.certificate()}, trust()); !used)
    runtime_.log.error("certificate_not_used", {{"why", used.error().message}});
}

// What was kept is of use where it is this zhost's and can be read.
void Credentials::take_kept() {
  const auto& kept = options_.kept;
  if (kept.zhost().empty()) return;
  std::string why;
  if (kept.cluster_id() != options_.cluster_id || kept.zhost() != options_.zhost)
    why = stdx::format("they are of zhost '{}' of cluster '{}'", kept.zhost(), kept.cluster_id());
  for (const auto* key : {&kept.key(), &kept.data_key()})
    if (auto hash = certifier_.key_hash(*key); !hash) why = hash.error().message;
  if (why.empty()) {
    current_ = kept;
    control_plane_.learn(current_.control_planes());
  } else {
    runtime_.log.warn("kept_credentials_not_used", {{"why", why}});
  }
}

void Credentials::make_keys() {
  if (!current_.key().empty()) return;
  current_.set_cluster_id(options_.cluster_id);
  current_.set_zhost(options_.zhost);
  current_.set_key(certifier_.make_key());
  current_.set_data_key(certifier_.make_key());
  if (options_.keep) options_.keep(current_);
}

void Credentials::replace_keys() {
  for (auto* part : {current_.mutable_key(), current_.mutable_data_key(),
                     current_.mutable_certificate(), current_.mutable_data_certificate()})
    part->clear();
  ready_ = false;
  make_keys();
}

void Credentials::look_after(stdx::Duration wait) {
  timer_.set(wait, [this] { look(); });
}

void Credentials::look() {
  const bool was_ready = ready_;
  ready_ = use_if_good();
  if (ready_ && !was_ready && on_change) on_change();
  if (ready_ && !due(runtime_.clock.wall()) && !keys_due() && !doubted_) {
    trouble_.clear();
    return look_after(look_every);
  }
  ask();
}

bool Credentials::due(stdx::WallTime now) const {
  const auto life = validity_->not_after - validity_->not_before;
  return now >= validity_->not_before + life / 2 || now < validity_->not_before || !names_key_;
}

// True where the certificates that we have are good now; they are used then.
bool Credentials::use_if_good() {
  const auto now = runtime_.clock.wall();
  for (const auto& authority : current_.authorities())
    if (const auto read = certifier_.read(authority)) authority_validity_ = read->validity;
  if (current_.certificate().empty()) return false;
  const auto own = certifier_.verify(current_.certificate(), {}, trust(), now);
  if (!own || now > own->validity.not_after) return false;
  validity_ = own->validity;
  names_key_ = own->identity.key_id == ports::key_id(own->key_hash);
  if (!ready_)
    if (const auto used = links_.use({current_.key(), current_.certificate()}, trust()); !used) {
      runtime_.log.error("certificate_not_used", {{"why", used.error().message}});
      return false;
    }
  expires_.set(seconds(validity_->not_after));
  if (authority_validity_) authority_expires_.set(seconds(authority_validity_->not_after));
  return true;
}

// What the request takes besides our keys, and whom we ask: a control plane of the authority that
// we know, or of the one that the join token pins.
stdx::Status Credentials::prepare(std::optional<std::string>& token) {
  const auto text = options_.join_token ? options_.join_token()
                                        : stdx::fail(Code::unavailable, "there is no join token");
  auto parsed = text ? wire::parse_join_token(*text)
                     : stdx::Result<wire::JoinToken>(std::unexpected(text.error()));
  if (!parsed && current_.authorities().empty()) return std::unexpected(parsed.error());
  if (parsed) control_plane_.learn(parsed->addresses);
  bool pinned_elsewhere = false;
  if (parsed && !current_.authorities().empty()) {
    const auto known = certifier_.key_hash(current_.authorities(0));
    pinned_elsewhere = !known || *known != parsed->authority_hash;
  }
  if (pinned_elsewhere) {
    runtime_.log.warn("authority_replaced",
                      {{"why", "the join token is of another authority of this cluster"}});
    current_.clear_authorities();
    current_.clear_certificate();
    current_.clear_data_certificate();
    ready_ = false;
  }
  if (current_.authorities().empty()) {
    token = *text;
    return asking_as_.use({}, {options_.cluster_id, {}, parsed->authority_hash});
  }
  if (token_wanted_ && parsed) token = *text;
  return asking_as_.use({}, trust());
}

stdx::Result<v1::CertifyRequest> Credentials::request(const std::optional<std::string>& token) {
  v1::CertifyRequest asked;
  asked.set_cluster_id(options_.cluster_id);
  asked.set_zhost(options_.zhost);
  TRY_ASSIGN(*asked.mutable_request(), certifier_.make_request(current_.key()));
  TRY_ASSIGN(*asked.mutable_data_request(), certifier_.make_request(current_.data_key()));
  asked.set_former(current_.certificate());
  asked.set_beat_generation(wire::newest_generation(keys_.beat()));
  asked.set_access_generation(wire::newest_generation(keys_.access()));
  asked.set_generations_seal(keys_.seal());
  if (token) {
    TRY_ASSIGN(const auto parsed, wire::parse_join_token(*token));
    asked.set_token_id(parsed.id);
    asked.set_token_secret(parsed.secret);
  }
  TRY_ASSIGN(*asked.mutable_signature(), certifier_.sign(current_.key(), wire::signed_part(asked)));
  return asked;
}

void Credentials::ask() {
  if (asking_) return;
  std::optional<std::string> token;
  if (const auto prepared = prepare(token); !prepared) return failed(prepared.error());
  const auto asked = request(token);
  if (!asked) return failed(asked.error());
  ports::HttpRequest http;
  http.method = "POST";
  http.path = "/v1/certificates";
  http.headers["content-type"] = "application/json";
  http.body = wire::to_json(*asked);
  asking_ = true;
  const auto to = control_plane_.https();
  http_.request(to, std::move(http), answer_timeout,
                [this, to, alive = std::weak_ptr<bool>(alive_)](auto response) {
                  if (alive.expired()) return;
                  if (!response) control_plane_.failed(to);
                  answered(std::move(response));
                });
}

void Credentials::answered(stdx::Result<ports::HttpResponse> response) {
  asking_ = false;
  if (!response) return failed(response.error());
  if (response->status != 200) {
    const auto why = wire::error_from_response(*response);
    // This zhost was forgotten, and its key with it.
    if (why.code == Code::stale) replace_keys();
    // It may know a token where it does not know our key.
    token_wanted_ = why.code == Code::denied || why.code == Code::stale;
    return failed(why);
  }
  v1::CertifyReply reply;
  auto taken = wire::from_json(response->body, reply);
  if (taken) taken = take(reply);
  if (!taken) return failed(taken.error());
  token_wanted_ = doubted_ = false;
  back_off_ = back_off_min;
  trouble_.clear();
  logged_.clear();
  renewed_.add();
  runtime_.log.info("certificate_renewed",
                    {{"expires", stdx::format_rfc3339(validity_->not_after)}});
  look_after(look_every);
  if (on_change) on_change();
}

stdx::Status Credentials::take(const v1::CertifyReply& reply) {
  auto next = current_;
  next.set_certificate(reply.certificate());
  next.set_data_certificate(reply.data_certificate());
  *next.mutable_authorities() = reply.authorities();
  *next.mutable_control_planes() = reply.control_planes();
  TRY(wire::check_ring(reply.keys()));
  const auto now = runtime_.clock.wall();
  const ports::Trust trusted{
      options_.cluster_id, {next.authorities().begin(), next.authorities().end()}, {}};
  const auto check = [&](const std::string& certificate, const std::string& key,
                         Role role) -> stdx::Status {
    TRY_ASSIGN(const auto made, certifier_.verify(certificate, {}, trusted, now));
    TRY_ASSIGN(const auto hash, certifier_.key_hash(key));
    const ports::Identity expected{options_.cluster_id, role, options_.zhost};
    if (made.identity != expected || made.key_hash != hash)
      return stdx::fail(Code::invalid, "the control plane gave a certificate that is not ours");
    return {};
  };
  TRY(check(next.certificate(), next.key(), Role::zhost));
  TRY(check(next.data_certificate(), next.data_key(), Role::data));
  current_ = std::move(next);
  control_plane_.learn(current_.control_planes());
  ready_ = false;  // put to use below
  if (!use_if_good())
    return stdx::fail(Code::invalid, "the new certificate is not good by the clock of this zhost");
  ready_ = true;
  const stdx::WallTime theirs{std::chrono::milliseconds(reply.now_ms())};
  clock_difference_ = theirs - now;
  keys_ = wire::by_our_clock(reply.keys(), clock_difference_);
  keys_wanted_ = std::min(keys_wanted_, wire::generation_of(keys_));
  // First: beats cannot be made without.
  if (options_.keep_keys) options_.keep_keys(keys_);
  if (options_.keep) options_.keep(current_);
  clock_gauge_.set(stdx::to_ms(clock_difference_));
  const bool differ = std::chrono::abs(clock_difference_) > clocks_differ;
  if (differ && !std::exchange(clocks_logged_, differ))
    runtime_.log.warn(
        "clocks_differ",
        {{"why", stdx::format("the clock of this machine says {}, that of the control plane {}; "
                              "certificates are of no use where they differ by more than an hour",
                              stdx::format_rfc3339(now), stdx::format_rfc3339(theirs))}});
  clocks_logged_ = differ;
  return {};
}

void Credentials::failed(const stdx::Error& why) {
  failed_.add();
  trouble_ = why.message;
  // At the start of a zhost that has the control plane itself the first attempts come too early.
  const bool early = why.code == Code::unavailable && back_off_ <= 32 * back_off_min;
  if (logged_ != why.message && !early) {
    logged_ = why.message;
    runtime_.log.warn("no_certificate", {{"why", why.message}, {"has_one", ready_}});
  }
  const auto half = back_off_ / 2;
  const auto jitter = static_cast<std::uint64_t>(half.count());
  look_after(half + stdx::Duration(static_cast<std::int64_t>(runtime_.random.next() % jitter)));
  back_off_ = std::min(back_off_ * 2, back_off_max);
}

}  // namespace zmesh
