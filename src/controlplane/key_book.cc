// SPDX-License-Identifier: Apache-2.0
#include "controlplane/key_book.h"

#include <algorithm>

#include "stdx/text.h"
#include "wire/key_ring.h"

namespace controlplane {

namespace {

using Keys = google::protobuf::RepeatedPtrField<v1::KeyTimes>;

std::uint64_t ms_of(stdx::WallTime time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(time.time_since_epoch().count(), 0));
}
std::uint64_t ms_of(stdx::Duration time) {
  return static_cast<std::uint64_t>(stdx::to_ms(time));
}

std::uint64_t newest(const Keys& keys) {
  return keys.empty() ? 0 : keys.rbegin()->generation();
}

// The next generation; the former ones end `overlap` after it is used.
void add(Keys& keys, stdx::WallTime now, stdx::Duration use_after, stdx::Duration overlap) {
  const auto use_from = ms_of(now) + ms_of(use_after);
  for (auto& former : keys) {
    const auto until = use_from + ms_of(overlap);
    former.set_until_ms(former.until_ms() == 0 ? until : std::min(former.until_ms(), until));
  }
  const auto generation = newest(keys) + 1;
  const auto over = [&](const v1::KeyTimes& key) {
    return key.until_ms() != 0 && key.until_ms() <= ms_of(now);
  };
  keys.erase(std::remove_if(keys.begin(), keys.end(), over), keys.end());
  if (keys.size() >= wire::keys_max) keys.erase(keys.begin());
  auto* made = keys.Add();
  made->set_generation(generation);
  made->set_made_ms(ms_of(now));
  made->set_use_from_ms(use_from);
}

std::string generations_text(std::uint64_t beat, std::uint64_t access) {
  return stdx::format("{} {}", beat, access);
}

bool is_due(const Keys& keys, stdx::WallTime now) {
  return ms_of(now) >= keys.rbegin()->made_ms() + ms_of(KeyBook::change_every);
}

}  // namespace

KeyBook::KeyBook(const Seal& seal, stdx::WallTime begun) : seal_(seal) {
  // Until the first change there is no record: every control plane of the cluster begins alike.
  for (auto* keys : {record_.mutable_beat(), record_.mutable_access()}) {
    auto* first = keys->Add();
    first->set_generation(1);
    first->set_made_ms(ms_of(begun));
  }
}

void KeyBook::learn(v1::KeysRecord record, std::uint64_t version) {
  if (version < version_ || record.beat().empty() || record.access().empty()) return;
  version_ = version;
  // What a zhost was ahead by is not taken back.
  if (newest(record.beat()) < newest(record_.beat()) ||
      newest(record.access()) < newest(record_.access()))
    return;
  record_ = std::move(record);
}

stdx::Bytes KeyBook::secret(const char* purpose, std::uint64_t generation) const {
  return seal_.of("key", stdx::format("{} {}", purpose, generation));
}

v1::KeyRing KeyBook::ring(stdx::WallTime now) const {
  v1::KeyRing ring;
  const auto fill = [&](const Keys& keys, const char* purpose, auto* out) {
    for (const auto& times : keys) {
      if (times.until_ms() != 0 && times.until_ms() <= ms_of(now)) continue;
      auto* key = out->Add();
      key->set_generation(times.generation());
      key->set_secret(secret(purpose, times.generation()));
      key->set_use_from_ms(times.use_from_ms());
      key->set_until_ms(times.until_ms());
    }
  };
  fill(record_.beat(), "beat", ring.mutable_beat());
  fill(record_.access(), "access", ring.mutable_access());
  ring.set_seal(
      seal_.of("generations", generations_text(newest(record_.beat()), newest(record_.access()))));
  return ring;
}

std::uint64_t KeyBook::generation() const {
  return newest(record_.beat()) + newest(record_.access());
}

ports::RecordChange KeyBook::change_to(const v1::KeysRecord& next) const {
  return {record_kind, "", version_, next.SerializeAsString()};
}

std::optional<ports::RecordChange> KeyBook::due(stdx::WallTime now) const {
  auto next = record_;
  if (is_due(record_.beat(), now)) add(*next.mutable_beat(), now, use_after, beat_overlap);
  if (is_due(record_.access(), now)) add(*next.mutable_access(), now, use_after, access_overlap);
  if (newest(next.beat()) + newest(next.access()) == generation()) return std::nullopt;
  return change_to(next);
}

ports::RecordChange KeyBook::zhost_forgotten(stdx::WallTime now) const {
  auto next = record_;
  add(*next.mutable_beat(), now, hurried_use_after, hurried_overlap);
  return change_to(next);
}

std::optional<ports::RecordChange> KeyBook::ahead(std::uint64_t beat, std::uint64_t access,
                                                  stdx::BytesView seal, stdx::WallTime now) const {
  auto next = record_;
  if (beat <= newest(next.beat()) && access <= newest(next.access())) return std::nullopt;
  if (!seal_.holds("generations", generations_text(beat, access), seal)) return std::nullopt;
  const auto follow = [&](Keys& keys, std::uint64_t said, stdx::Duration overlap) {
    if (said > newest(keys) + ahead_max) return;  // nobody is that far ahead
    while (newest(keys) < said) add(keys, now, {}, overlap);
  };
  follow(*next.mutable_beat(), beat, beat_overlap);
  follow(*next.mutable_access(), access, access_overlap);
  if (newest(next.beat()) + newest(next.access()) == generation()) return std::nullopt;
  return change_to(next);
}

}  // namespace controlplane
