// SPDX-License-Identifier: Apache-2.0
#include "controlplane/join_tokens.h"

#include <algorithm>

#include "stdx/text.h"
#include "wire/access_token.h"

namespace controlplane {

using stdx::Code;

namespace {

std::string time_of(std::uint64_t seconds) {
  return stdx::format_rfc3339(stdx::WallTime(std::chrono::seconds(seconds)));
}

std::uint32_t times_used(const v1::JoinTokenRecord& record) {
  return static_cast<std::uint32_t>(record.used_by_size());
}

std::string list_of(const google::protobuf::RepeatedPtrField<std::string>& zhosts) {
  constexpr int named_max = 5;
  std::string list;
  for (int i = 0; i < std::min(zhosts.size(), named_max); ++i)
    list += (i == 0 ? "" : ", ") + zhosts[i];
  if (zhosts.size() > named_max) list += stdx::format(" and {} more", zhosts.size() - named_max);
  return list;
}

}  // namespace

void JoinTokens::learn(v1::JoinTokenRecord record, std::uint64_t version) {
  auto& row = rows_[record.id()];
  if (version < row.version) return;
  row = {std::move(record), version};
}

stdx::Result<std::vector<ports::RecordChange>> JoinTokens::make(const v1::JoinTokenRequest& request,
                                                                const wire::JoinToken& token,
                                                                const stdx::Bytes& secret_hash,
                                                                stdx::WallTime now) const {
  v1::JoinTokenRecord record;
  record.set_id(token.id);
  record.set_secret_hash(secret_hash);
  record.set_role(request.role().empty() ? "super" : request.role());
  record.set_uses(request.uses() == 0 ? 1 : request.uses());
  const auto ttl = request.ttl_seconds() == 0 ? ttl_seconds : request.ttl_seconds();
  if (record.role() != "super" && record.role() != "local")
    return stdx::fail(Code::invalid,
                      stdx::format("'{}' is no role of a zhost; they are `super`, which may lead "
                                   "the cluster, and `local`, which never does",
                                   stdx::printable(request.role(), 40)));
  if (ttl > ttl_seconds_max)
    return stdx::fail(Code::invalid, "a join token is good for 30 days at most (--ttl)");
  if (record.uses() > uses_max)
    return stdx::fail(Code::invalid,
                      stdx::format("{} zhosts at most join with one token (--uses)", uses_max));
  record.set_made(stdx::format_rfc3339(now));
  record.set_made_by(request.by());
  record.set_expires(wire::seconds_of(now) + ttl);
  std::vector<ports::RecordChange> changes{
      {record_kind, record.id(), 0, record.SerializeAsString()}};
  for (const auto& [id, row] : rows_)
    if (row.record.expires() + kept_seconds <= wire::seconds_of(now) &&
        changes.size() <= tidied_max)
      changes.push_back({record_kind, id, row.version, std::nullopt});
  if (rows_.size() + 1 > tokens_max + changes.size() - 1)
    return stdx::fail(Code::full,
                      stdx::format("there are {} join tokens, and no more can be; they leave a "
                                   "week after they expired. Make one with --uses for many zhosts",
                                   rows_.size()));
  return changes;
}

stdx::Result<std::string> JoinTokens::find(const std::string& id) const {
  const auto shown = stdx::printable(id, 40);
  if (id.size() < id_given_min)
    return stdx::fail(Code::invalid, stdx::format("'{}' is too short; give {} digits of the id of "
                                                  "a join token at least",
                                                  shown, id_given_min));
  const auto at = rows_.lower_bound(id);
  if (at == rows_.end() || !at->first.starts_with(id))
    return stdx::fail(Code::not_found, stdx::format("there is no join token '{}'", shown));
  if (std::next(at) != rows_.end() && std::next(at)->first.starts_with(id))
    return stdx::fail(Code::invalid, stdx::format("ids of several join tokens begin with '{}'; "
                                                  "give more of it",
                                                  shown));
  return at->first;
}

stdx::Result<ports::RecordChange> JoinTokens::revoke(const v1::JoinTokenRevoke& request,
                                                     stdx::WallTime now) const {
  TRY_ASSIGN(const auto id, find(request.id()));
  const auto& row = rows_.at(id);
  if (!row.record.revoked().empty())
    return stdx::fail(Code::conflict, stdx::format("join token {} was revoked at {} by {}", id,
                                                   row.record.revoked(), row.record.revoked_by()));
  auto record = row.record;
  record.set_revoked(stdx::format_rfc3339(now));
  record.set_revoked_by(request.by());
  return ports::RecordChange{record_kind, id, row.version, record.SerializeAsString()};
}

stdx::Result<v1::JoinTokenRecord> JoinTokens::check(const std::string& id,
                                                    const stdx::Bytes& secret_hash,
                                                    stdx::WallTime now) const {
  const auto at = rows_.find(id);
  const auto known = at == rows_.end() ? stdx::Bytes() : at->second.record.secret_hash();
  // The secret first: without it a guessed id tells nothing.
  if (!stdx::equal_in_constant_time(known, secret_hash))
    return stdx::fail(Code::denied,
                      stdx::format("join token {} is not known here; an operator makes one with "
                                   "`zshell cluster token create`, or, on one machine, "
                                   "cluster.join_token_file is that of the control plane",
                                   stdx::printable(id, 40)));
  const auto& record = at->second.record;
  constexpr const char* another = "make another one with `zshell cluster token create`";
  if (!record.revoked().empty())
    return stdx::fail(Code::denied, stdx::format("join token {} was revoked at {} by {}; {}", id,
                                                 record.revoked(), record.revoked_by(), another));
  if (times_used(record) >= record.uses())
    return stdx::fail(
        Code::denied,
        stdx::format("join token {} was used already, by {} (the last time at {}); {}", id,
                     list_of(record.used_by()), record.last_used(), another));
  if (record.expires() <= wire::seconds_of(now))
    return stdx::fail(Code::denied, stdx::format("join token {} expired at {}; {}", id,
                                                 time_of(record.expires()), another));
  return record;
}

ports::RecordChange JoinTokens::used(const std::string& id, const std::string& zhost,
                                     stdx::WallTime now) const {
  const auto& row = rows_.at(id);
  auto record = row.record;
  record.add_used_by(zhost);
  record.set_last_used(stdx::format_rfc3339(now));
  return {record_kind, id, row.version, record.SerializeAsString()};
}

v1::JoinTokenView JoinTokens::view_of(const v1::JoinTokenRecord& record, stdx::WallTime now) {
  v1::JoinTokenView view;
  view.set_id(record.id());
  view.set_role(record.role());
  view.set_uses(record.uses());
  *view.mutable_used_by() = record.used_by();
  view.set_made(record.made());
  view.set_made_by(record.made_by());
  view.set_expires(time_of(record.expires()));
  view.set_revoked(record.revoked());
  view.set_revoked_by(record.revoked_by());
  view.set_state(!record.revoked().empty()                   ? "revoked"
                 : times_used(record) >= record.uses()       ? "used"
                 : record.expires() <= wire::seconds_of(now) ? "expired"
                                                             : "valid");
  return view;
}

std::map<std::string, std::uint64_t> JoinTokens::ended(stdx::WallTime now) const {
  std::map<std::string, std::uint64_t> ended;
  for (const auto& [id, row] : rows_)
    if (row.record.expires() > wire::seconds_of(now) &&
        (!row.record.revoked().empty() || times_used(row.record) >= row.record.uses()))
      ended[id] = row.record.expires();
  return ended;
}

v1::JoinTokenList JoinTokens::list(stdx::WallTime now) const {
  std::vector<const v1::JoinTokenRecord*> records;
  for (const auto& [id, row] : rows_) records.push_back(&row.record);
  std::sort(records.begin(), records.end(), [](const auto* a, const auto* b) {
    return std::pair(b->made(), a->id()) < std::pair(a->made(), b->id());
  });
  v1::JoinTokenList list;
  for (const auto* record : records) *list.add_tokens() = view_of(*record, now);
  return list;
}

}  // namespace controlplane
