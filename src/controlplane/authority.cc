// SPDX-License-Identifier: Apache-2.0
#include "controlplane/authority.h"

#include <algorithm>

#include "model/topology.h"
#include "stdx/text.h"
#include "wire/certify.h"
#include "wire/join_token.h"

namespace controlplane {

using namespace std::chrono_literals;
using Role = ports::CertificateRole;
using stdx::Code;

namespace {

ports::Validity validity_from(stdx::WallTime now) {
  using std::chrono::duration_cast, std::chrono::milliseconds;
  return {now - duration_cast<milliseconds>(Authority::backdated),
          now + duration_cast<milliseconds>(Authority::life)};
}

}  // namespace

Authority::Authority(ports::Certifier& certifier, Options options)
    : certifier_(certifier), options_(std::move(options)), own_key_(certifier.make_key()) {
  if (const auto own = certifier_.read(options_.authority.certificate)) validity_ = own->validity;
}

void Authority::learn(const std::string& zhost, v1::KeyRecord record, std::uint64_t version) {
  auto& row = keys_[zhost];
  if (version < row.version) return;
  row = {std::move(record), version};
}

stdx::Result<Authority::Decision> Authority::judge(const v1::CertifyRequest& request,
                                                   stdx::Instant now, stdx::WallTime wall) {
  if (request.cluster_id() != options_.cluster_id)
    return stdx::fail(Code::denied,
                      stdx::format("this is cluster '{}', not '{}'", options_.cluster_id,
                                   stdx::printable(request.cluster_id(), 80)));
  if (!model::is_name(request.zhost())) return stdx::fail(Code::invalid, "zhost is no name");
  TRY_ASSIGN(const auto key, certifier_.check_request(request.request()));
  TRY(certifier_.check_request(request.data_request()));
  TRY(certifier_.check_signature(request.request(), wire::signed_part(request),
                                 request.signature()));
  return judge_proof(request, key, now, wall);
}

stdx::Result<Authority::Decision> Authority::judge_proof(const v1::CertifyRequest& request,
                                                         const stdx::Bytes& key, stdx::Instant now,
                                                         stdx::WallTime wall) {
  const auto row = keys_.find(request.zhost());
  const bool recorded = row != keys_.end();
  if (recorded && row->second.record.key_hash() == key) return Decision{std::nullopt, "renewed"};
  if (!request.token_id().empty()) {
    TRY(check_token(request, now));
    return record(request, key, wall, recorded ? "joined anew, with another key" : "joined");
  }
  if (recorded)
    return stdx::fail(
        Code::denied,
        stdx::format("zhost '{}' joined this cluster with another key. If its state_dir was lost, "
                     "join again with a join token; if this is a second machine, give it an id "
                     "of its own (zhost.id)",
                     request.zhost()));
  TRY(check_former(request, key, wall));
  return record(request, key, wall, "known by its former certificate");
}

stdx::Status Authority::check_token(const v1::CertifyRequest& request, stdx::Instant now) {
  const auto earned = static_cast<std::uint64_t>((now - attempts_at_) / 1s);
  if (earned > 0) {
    attempts_left_ = std::min(attempts_max, attempts_left_ + earned);
    attempts_at_ = now;
  }
  if (attempts_left_ == 0)
    return stdx::fail(Code::full,
                      "too many false join tokens were shown in the last seconds; it is tried "
                      "again");
  const bool known =
      !options_.local_token_id.empty() && request.token_id() == options_.local_token_id &&
      stdx::equal_in_constant_time(wire::secret_hash(certifier_, request.token_secret()),
                                   options_.local_token_hash);
  if (known) return {};
  --attempts_left_;
  return stdx::fail(Code::denied,
                    stdx::format("join token {} is not known here; cluster.join_token_file of the "
                                 "zhost must hold the one of its control plane",
                                 stdx::printable(request.token_id(), 40)));
}

stdx::Status Authority::check_former(const v1::CertifyRequest& request, const stdx::Bytes& key,
                                     stdx::WallTime wall) const {
  if (request.former().empty())
    return stdx::fail(Code::denied,
                      stdx::format("zhost '{}' is not known here and has no join token; set "
                                   "cluster.join_token_file to one of this cluster",
                                   request.zhost()));
  TRY_ASSIGN(const auto former,
             certifier_.verify(request.former(), {}, trust(), wall, /*at_any_time=*/true));
  const ports::Identity expected{options_.cluster_id, Role::zhost, request.zhost()};
  if (former.identity == expected && former.key_hash == key) return {};
  return stdx::fail(Code::denied, stdx::format("the former certificate is of {}, not of this key "
                                               "and zhost '{}'",
                                               ports::describe(former.identity), request.zhost()));
}

Authority::Decision Authority::record(const v1::CertifyRequest& request, const stdx::Bytes& key,
                                      stdx::WallTime wall, const char* why) const {
  v1::KeyRecord made;
  made.set_zhost(request.zhost());
  made.set_key_hash(key);
  made.set_joined(stdx::format_rfc3339(wall));
  made.set_token_id(request.token_id());
  const auto row = keys_.find(request.zhost());
  const auto version = row == keys_.end() ? 0 : row->second.version;
  return {ports::RecordChange{"key", request.zhost(), version, made.SerializeAsString()}, why};
}

stdx::Result<v1::CertifyReply> Authority::issue(const v1::CertifyRequest& request,
                                                stdx::WallTime wall) {
  const auto validity = validity_from(wall);
  v1::CertifyReply reply;
  TRY_ASSIGN(*reply.mutable_certificate(),
             certifier_.issue(options_.authority, request.request(),
                              {{options_.cluster_id, Role::zhost, request.zhost()}, validity, {}}));
  TRY_ASSIGN(*reply.mutable_data_certificate(),
             certifier_.issue(options_.authority, request.data_request(),
                              {{options_.cluster_id, Role::data, request.zhost()}, validity, {}}));
  reply.add_authorities(options_.authority.certificate);
  reply.set_now_ms(static_cast<std::uint64_t>(wall.time_since_epoch().count()));
  return reply;
}

stdx::Result<ports::KeyAndCertificate> Authority::own(stdx::WallTime wall) {
  TRY_ASSIGN(const auto request, certifier_.make_request(own_key_));
  const auto validity = validity_from(wall);
  TRY_ASSIGN(auto certificate,
             certifier_.issue(
                 options_.authority, request,
                 {{options_.cluster_id, Role::control_plane, ""}, validity, options_.addresses}));
  return ports::KeyAndCertificate{own_key_, std::move(certificate)};
}

}  // namespace controlplane
