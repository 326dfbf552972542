// SPDX-License-Identifier: Apache-2.0
#include "controlplane/revocations.h"

#include <algorithm>

#include "samoza/v1/join.pb.h"
#include "stdx/encoding.h"
#include "wire/access_token.h"
#include "wire/revoked_tokens.h"

namespace controlplane {

using stdx::Code;

namespace {

constexpr const char* purpose = "revoked";

std::string sealed_text(const std::string& id, std::uint64_t until) {
  return stdx::format("{}/{}", id, until);
}

ports::RecordChange row_of(const std::string& id, std::uint64_t until) {
  samoza::v1::RevokedRecord record;
  record.set_until(until);
  return {Revocations::record_kind, id, 0, record.SerializeAsString()};
}

}  // namespace

void Revocations::learn(const std::string& id, std::uint64_t until, std::uint64_t version) {
  auto& row = rows_[id];
  if (version >= row.version) row = {until, version, sealed(id, until)};
}

bool Revocations::has_key(const std::string& zhost, const std::string& key_id) const {
  return rows_.contains(wire::revoked_zhost_id(zhost, key_id));
}

bool Revocations::has_join_token(const std::string& id) const {
  return rows_.contains(wire::ended_join_token_id(id));
}

stdx::Status Revocations::check(const ports::Identity& identity) const {
  if (!has_key(identity.name, identity.key_id)) return {};
  return ports::check_revoked(identity, {{identity.name, identity.key_id}});
}

std::vector<ports::Trust::Revoked> Revocations::keys() const {
  std::vector<ports::Trust::Revoked> keys;
  for (const auto& [id, row] : rows_)
    if (auto key = wire::revoked_zhost(id)) keys.push_back(std::move(*key));
  return keys;
}

std::size_t Revocations::held(stdx::WallTime now, bool keys) const {
  return static_cast<std::size_t>(std::count_if(rows_.begin(), rows_.end(), [&](const auto& row) {
    return row.second.until > wire::seconds_of(now) &&
           wire::revoked_zhost(row.first).has_value() == keys;
  }));
}

std::vector<ports::RecordChange> Revocations::over(stdx::WallTime now) const {
  std::vector<ports::RecordChange> changes;
  for (const auto& [id, row] : rows_)
    if (row.until <= wire::seconds_of(now) && changes.size() < tidied_max)
      changes.push_back({record_kind, id, row.version, std::nullopt});
  return changes;
}

stdx::Result<std::vector<ports::RecordChange>> Revocations::revoke_key(const std::string& zhost,
                                                                       const std::string& key_id,
                                                                       stdx::WallTime now,
                                                                       stdx::WallTime until) const {
  const auto id = wire::revoked_zhost_id(zhost, key_id);
  auto changes = over(now);
  if (rows_.contains(id)) return changes;
  if (held(now, /*keys=*/true) >= keys_max)
    return stdx::fail(Code::full,
                      stdx::format("{} keys of forgotten zhosts are refused already, and more are "
                                   "not kept; the oldest leave when their certificates have "
                                   "expired, a day after they were forgotten. Try again then, and "
                                   "keep zhost '{}' off the network",
                                   keys_max, zhost));
  changes.insert(changes.begin(), row_of(id, wire::seconds_of(until)));
  return changes;
}

std::vector<ports::RecordChange> Revocations::said(const std::vector<std::string>& said,
                                                   stdx::WallTime now) const {
  std::vector<ports::RecordChange> changes;
  std::size_t keys = held(now, true), tokens = held(now, false);
  for (const auto& text : said) {
    if (changes.size() >= said_max) break;
    const auto parts = stdx::split(text, '/');
    if (parts.size() != 3) continue;
    const std::string id(parts[0]);
    const auto until = stdx::parse_u64(parts[1]);
    const auto seal = stdx::hex_decode(parts[2]);
    if (!until || *until <= wire::seconds_of(now) || !seal || rows_.contains(id)) continue;
    auto& of_its_kind = wire::revoked_zhost(id) ? keys : tokens;
    if (of_its_kind >= 2 * keys_max) continue;
    if (!seal_.holds(purpose, sealed_text(id, *until), *seal)) continue;
    changes.push_back(row_of(id, *until));
    ++of_its_kind;
  }
  return changes;
}

std::string Revocations::sealed(const std::string& id, std::uint64_t until) const {
  const auto text = sealed_text(id, until);
  return text + "/" + stdx::hex_encode(seal_.of(purpose, text));
}

std::vector<std::string> Revocations::list(stdx::WallTime now) const {
  std::vector<std::string> list;
  for (const auto& [id, row] : rows_)
    if (row.until > wire::seconds_of(now)) list.push_back(row.text);
  return list;
}

}  // namespace controlplane
