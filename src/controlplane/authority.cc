// SPDX-License-Identifier: Apache-2.0
#include "controlplane/authority.h"

#include <set>

#include <algorithm>

#include "model/topology.h"
#include "stdx/text.h"
#include "wire/access_token.h"
#include "wire/certify.h"
#include "wire/join_token.h"
#include "wire/revoked_tokens.h"

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

// When the cluster was made.
stdx::WallTime begun(ports::Certifier& certifier, const ports::KeyAndCertificate& authority) {
  const auto read = certifier.read(authority.certificate);
  return read ? read->validity.not_before : stdx::WallTime{};
}

}  // namespace

Authority::Authority(ports::Certifier& certifier, Options options)
    : certifier_(certifier),
      options_(std::move(options)),
      own_key_(certifier.make_key()),
      seal_(certifier, options_.authority.key),
      key_book_(seal_, begun(certifier, options_.authority)) {
  if (const auto own = certifier_.read(options_.authority.certificate)) validity_ = own->validity;
}

void Authority::learn(const std::string& zhost, v1::KeyRecord record, std::uint64_t version) {
  auto& row = keys_[zhost];
  if (version < row.version) return;
  row = {std::move(record), version};
}

stdx::Result<Authority::Decision> Authority::judge(const v1::CertifyRequest& request,
                                                   const std::string& source, stdx::Instant now,
                                                   stdx::WallTime wall, bool records_open) {
  if (request.cluster_id() != options_.cluster_id)
    return stdx::fail(Code::denied,
                      stdx::format("this is cluster '{}', not '{}'", options_.cluster_id,
                                   stdx::printable(request.cluster_id(), 80)));
  if (!model::is_name(request.zhost())) return stdx::fail(Code::invalid, "zhost is no name");
  TRY_ASSIGN(const auto key, certifier_.check_request(request.request()));
  TRY(certifier_.check_request(request.data_request()));
  TRY(certifier_.check_signature(request.request(), wire::signed_part(request),
                                 request.signature()));
  return judge_proof(request, key, source, now, wall, records_open);
}

stdx::Result<Authority::Decision> Authority::judge_proof(const v1::CertifyRequest& request,
                                                         const stdx::Bytes& key,
                                                         const std::string& source,
                                                         stdx::Instant now, stdx::WallTime wall,
                                                         bool records_open) {
  const auto row = keys_.find(request.zhost());
  const bool recorded = row != keys_.end();
  const bool forgotten = recorded && row->second.record.forgotten();
  if (revocations_.has_key(request.zhost(), ports::key_id(key)))
    return stdx::fail(
        Code::stale,
        stdx::format("zhost '{}' was forgotten (`cluster forget`), and its key with it; to have "
                     "it back join it again with a join token",
                     request.zhost()));
  if (recorded && !forgotten && row->second.record.key_hash() == key)
    return Decision{{}, "renewed"};
  if (!request.token_id().empty()) {
    // First the token: one that is good is not held back by what others show.
    auto judged = judge_token(request, key, wall, records_open);
    if (!judged && judged.error().code == Code::denied && !attempts_.failed(source, now))
      return stdx::fail(Code::full,
                        "too many join tokens that are not good came from this address in the "
                        "last seconds; it is tried again");
    return judged;
  }
  if (forgotten)
    return stdx::fail(
        Code::denied,
        stdx::format("zhost '{}' was forgotten (`cluster forget`); to have it back join it again "
                     "with a join token",
                     request.zhost()));
  if (recorded)
    return stdx::fail(
        Code::denied,
        stdx::format("zhost '{}' joined this cluster with another key. If its state_dir was lost, "
                     "have it forgotten (`cluster forget`) and join again with a join token; if "
                     "this is a second machine, give it an id of its own (zhost.id)",
                     request.zhost()));
  TRY(check_former(request, key, wall));
  return Decision{{record(request, key, wall, "")}, "known by its former certificate"};
}

bool Authority::is_local_token(const v1::CertifyRequest& request) const {
  return !options_.local_token_id.empty() && request.token_id() == options_.local_token_id &&
         stdx::equal_in_constant_time(wire::secret_hash(certifier_, request.token_secret()),
                                      options_.local_token_hash);
}

stdx::Result<Authority::Decision> Authority::judge_token(const v1::CertifyRequest& request,
                                                         const stdx::Bytes& key,
                                                         stdx::WallTime wall,
                                                         bool records_open) const {
  const auto row = keys_.find(request.zhost());
  const bool recorded = row != keys_.end();
  if (is_local_token(request))
    return Decision{{record(request, key, wall, "")},
                    recorded ? "joined anew, with the token of this machine" : "joined"};
  const auto token = join_tokens_.check(
      request.token_id(), wire::secret_hash(certifier_, request.token_secret()), wall);
  // Why it is good for nothing is said by its own row, where that knows.
  if (revocations_.has_join_token(request.token_id()) &&
      (token || !join_tokens_.knows(request.token_id())))
    return stdx::fail(Code::denied,
                      stdx::format("join token {} was used up or revoked before the records of the "
                                   "cluster were put back from an older copy; make another one "
                                   "with `zshell cluster token create`",
                                   stdx::printable(request.token_id(), 40)));
  TRY(token);
  if (recorded && !row->second.record.forgotten())
    return stdx::fail(
        Code::denied,
        stdx::format("there is a zhost '{}' in this cluster, with another key. Give this one an id "
                     "of its own (zhost.id), or have the other one forgotten first (`cluster "
                     "forget {}`)",
                     request.zhost(), request.zhost()));
  if (!records_open)
    return stdx::fail(Code::unavailable,
                      "the records of the cluster are not open yet, so no zhost can join; it is "
                      "tried again");
  return Decision{{record(request, key, wall, token->role()),
                   join_tokens_.used(token->id(), request.zhost(), wall)},
                  recorded ? "joined again" : "joined"};
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

ports::RecordChange Authority::record(const v1::CertifyRequest& request, const stdx::Bytes& key,
                                      stdx::WallTime wall, const std::string& role) const {
  v1::KeyRecord made;
  made.set_zhost(request.zhost());
  made.set_key_hash(key);
  made.set_joined(stdx::format_rfc3339(wall));
  made.set_token_id(request.token_id());
  made.set_role(role);
  const auto row = keys_.find(request.zhost());
  if (row == keys_.end()) return {"key", request.zhost(), 0, made.SerializeAsString()};
  return {"key", request.zhost(), row->second.version, made.SerializeAsString()};
}

stdx::Result<std::vector<ports::RecordChange>> Authority::to_forget(const std::string& zhost,
                                                                    stdx::WallTime wall) const {
  const auto row = keys_.find(zhost);
  if (row == keys_.end()) return std::vector<ports::RecordChange>();
  auto record = row->second.record;
  // Until the last of its certificates has expired by the clock of any zhost.
  const auto until =
      wall + std::chrono::duration_cast<std::chrono::milliseconds>(life + 2 * leeway);
  TRY_ASSIGN(auto changes,
             revocations_.revoke_key(zhost, ports::key_id(record.key_hash()), wall, until));
  record.set_forgotten(true);
  changes.push_back({"key", zhost, row->second.version, record.SerializeAsString()});
  return changes;
}

stdx::Status Authority::check(const ports::Identity& identity) const {
  if (identity.role != Role::zhost && identity.role != Role::data) return {};
  TRY(revocations_.check(identity));
  // One that joined again has another key.
  const auto row = keys_.find(identity.name);
  if (row == keys_.end() || !row->second.record.forgotten() ||
      ports::key_id(row->second.record.key_hash()) != identity.key_id)
    return {};
  return ports::check_revoked(identity, {{identity.name, identity.key_id}});
}

bool Authority::is_local(const std::string& zhost) const {
  const auto row = keys_.find(zhost);
  return row != keys_.end() && row->second.record.role() == "local";
}

std::vector<ports::RecordChange> Authority::said(const std::vector<std::string>& said,
                                                 stdx::WallTime wall) const {
  std::set<std::string> known;
  for (const auto& [id, until] : join_tokens_.ended(wall))
    known.insert(wire::ended_join_token_id(id));
  std::vector<std::string> news;
  for (const auto& text : said)
    if (!known.contains(text.substr(0, text.find('/')))) news.push_back(text);
  return revocations_.said(news, wall);
}

std::vector<std::string> Authority::revoked(stdx::WallTime wall) const {
  auto list = revocations_.list(wall);
  for (const auto& [id, until] : join_tokens_.ended(wall))
    if (!revocations_.has_join_token(id))
      list.push_back(revocations_.sealed(wire::ended_join_token_id(id), until));
  return list;
}

ports::Trust Authority::trust() const {
  ports::Trust trust{options_.cluster_id, {options_.authority.certificate}, {}};
  trust.revoked = revocations_.keys();
  return trust;
}

wire::JoinToken Authority::make_join_token(ports::Random& random) const {
  return wire::make_join_token(random, options_.join_addresses,
                               certifier_.key_hash(options_.authority.key).value_or(""));
}

stdx::Result<v1::CertifyReply> Authority::issue(const v1::CertifyRequest& request,
                                                stdx::WallTime wall) {
  const auto validity = validity_from(wall);
  TRY_ASSIGN(const auto proved, certifier_.check_request(request.request()));
  v1::CertifyReply reply;
  TRY_ASSIGN(*reply.mutable_certificate(),
             certifier_.issue(
                 options_.authority, request.request(),
                 {{options_.cluster_id, Role::zhost, request.zhost()}, validity, {}, proved}));
  TRY_ASSIGN(
      *reply.mutable_data_certificate(),
      certifier_.issue(options_.authority, request.data_request(),
                       {{options_.cluster_id, Role::data, request.zhost()}, validity, {}, proved}));
  reply.add_authorities(options_.authority.certificate);
  for (const auto& address : options_.join_addresses) reply.add_control_planes(address);
  reply.set_now_ms(static_cast<std::uint64_t>(wall.time_since_epoch().count()));
  *reply.mutable_keys() = key_book_.ring(wall);
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
