// SPDX-License-Identifier: Apache-2.0
#include "controlplane/records_cache.h"

#include <algorithm>
#include <set>
#include <utility>

#include "samoza/v1/tokens.pb.h"
#include "stdx/text.h"
#include "wire/access_token.h"
#include "wire/frame.h"

namespace controlplane {

using stdx::Code;

void RecordsCache::refresh(Refreshed done) {
  store_.read_since(revision_, [this, done](stdx::Result<ports::Store::Snapshot> snapshot) {
    if (!snapshot) {
      if (!std::exchange(damaged_, snapshot.error().code == Code::corrupt) && damaged_)
        runtime_.log.error("records_damaged", {{"why", snapshot.error().message}});
      read_trouble_ = snapshot.error().message;
      return done(std::unexpected(snapshot.error()));
    }
    read_trouble_.clear();
    damaged_ = false;
    take(*snapshot);
    done({});
  });
}

void RecordsCache::refresh_if_news(const v1::RecordsKnown& known, Refreshed done) {
  if (!gate_.is_news(known)) return done({});
  refresh(std::move(done));
}

void RecordsCache::take(const ports::Store::Snapshot& snapshot) {
  revision_ = std::max(revision_, snapshot.revision);
  term_taken(snapshot.term);
  if (snapshot.whole) forget_unnamed(snapshot);
  for (const auto& record : snapshot.records) {
    if (learn_own(record) || record.kind != "zhost") continue;
    if (auto member = wire::parse<v1::Member>(record.value))
      membership_.learn(std::move(*member), record.version, runtime_.clock.now());
    else
      runtime_.log.error("bad_record", {{"kind", record.kind}, {"key", record.key}});
  }
  for (const auto& [kind, key] : snapshot.deleted) {
    if (kind == "zhost") membership_.forget(key);
    forget_own(kind, key);
  }
  learn_tokens(snapshot);
  gate_.read(snapshot);
}

bool RecordsCache::learn_own(const ports::Record& record) {
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
      on_keys_changed();
    });
  if (record.kind == Revocations::record_kind)
    return take(wire::parse<v1::RevokedRecord>(record.value), [&](auto revoked) {
      on_trust_changed();
      authority_.revocations().learn(record.key, revoked.until(), record.version);
      on_keys_changed();
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

void RecordsCache::learn_written(const std::vector<ports::RecordChange>& changes) {
  write_succeeded();
  for (const auto& change : changes) {
    if (change.value)
      learn_own({change.kind, change.key, change.expected_version + 1, *change.value});
    else
      forget_own(change.kind, change.key);
  }
}

void RecordsCache::forget_own(const std::string& kind, const std::string& key) {
  if (kind == "key") authority_.forget(key);
  if (kind == JoinTokens::record_kind) authority_.join_tokens().forget(key);
  if (kind == Revocations::record_kind) authority_.revocations().forget(key);
}

// What was deleted since the last read is not told one by one any more.
void RecordsCache::forget_unnamed(const ports::Store::Snapshot& snapshot) {
  std::set<std::string> named;
  for (const auto& record : snapshot.records)
    if (record.kind == "zhost") named.insert(record.key);
  for (const auto& member : membership_.members())
    if (!named.contains(member.zhost_id())) membership_.forget(member.zhost_id());
}

// A revoked token is announced until it expires; its row stays as long.
void RecordsCache::learn_tokens(const ports::Store::Snapshot& snapshot) {
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
  if (news && on_revoked) on_revoked(revoked_tokens());
}

std::vector<std::string> RecordsCache::revoked_tokens() const {
  std::vector<std::string> revoked;
  for (const auto& [id, expires] : revoked_) revoked.push_back(stdx::format("{}/{}", id, expires));
  for (auto& other : authority_.revoked(runtime_.clock.wall())) revoked.push_back(std::move(other));
  return revoked;
}

stdx::Error RecordsCache::write_failed(stdx::Error error) {
  if (error.code != Code::full && error.code != Code::failed && error.code != Code::unavailable)
    return error;
  if (write_trouble_ != error.message)
    runtime_.log.error("records_not_written", {{"why", error.message}});
  write_trouble_ = error.message;
  return {Code::unavailable, "the records cannot be written: " + error.message};
}

void RecordsCache::write_succeeded() {
  if (!write_trouble_.empty()) runtime_.log.info("records_written_again", {});
  write_trouble_.clear();
}

}  // namespace controlplane
