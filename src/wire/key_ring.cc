// SPDX-License-Identifier: Apache-2.0
#include "wire/key_ring.h"

#include <algorithm>

#include "stdx/text.h"

namespace wire {

using Purpose = ports::ClusterKey::Purpose;

namespace {

const google::protobuf::RepeatedPtrField<v1::RingKey>& keys_of(const v1::KeyRing& ring,
                                                               Purpose purpose) {
  return purpose == Purpose::beat ? ring.beat() : ring.access();
}

std::uint64_t ms_of(stdx::WallTime time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(time.time_since_epoch().count(), 0));
}

std::uint64_t moved(std::uint64_t ms, std::int64_t by) {
  if (by > 0 && ms < static_cast<std::uint64_t>(by)) return 1;
  return ms - static_cast<std::uint64_t>(by);
}

}  // namespace

stdx::Status check_ring(const v1::KeyRing& ring) {
  for (const auto* keys : {&ring.beat(), &ring.access()}) {
    const bool sized = std::all_of(keys->begin(), keys->end(), [](const v1::RingKey& key) {
      return key.secret().size() == key_bytes && key.generation() > 0;
    });
    if (keys->empty() || keys->size() > keys_max || !sized)
      return stdx::fail(stdx::Code::invalid, "these are no keys of a cluster");
  }
  return {};
}

const v1::RingKey* key_in_use(const v1::KeyRing& ring, Purpose purpose, stdx::WallTime now) {
  const auto at = ms_of(now);
  const v1::RingKey *used = nullptr, *oldest = nullptr;
  for (const auto& key : keys_of(ring, purpose)) {
    if (oldest == nullptr || key.generation() < oldest->generation()) oldest = &key;
    if (key.use_from_ms() > at) continue;
    if (used == nullptr || key.generation() > used->generation()) used = &key;
  }
  return used != nullptr ? used : oldest;
}

std::vector<const v1::RingKey*> good_keys(const v1::KeyRing& ring, Purpose purpose,
                                          stdx::WallTime now) {
  std::vector<const v1::RingKey*> good;
  for (const auto& key : keys_of(ring, purpose))
    if (key.until_ms() == 0 || key.until_ms() > ms_of(now)) good.push_back(&key);
  std::sort(good.begin(), good.end(),
            [](const auto* a, const auto* b) { return a->generation() > b->generation(); });
  return good;
}

std::uint64_t newest_generation(const google::protobuf::RepeatedPtrField<v1::RingKey>& keys) {
  std::uint64_t newest = 0;
  for (const auto& key : keys) newest = std::max(newest, key.generation());
  return newest;
}

std::uint64_t generation_of(const v1::KeyRing& ring) {
  return newest_generation(ring.beat()) + newest_generation(ring.access());
}

v1::KeyRing by_our_clock(v1::KeyRing ring, stdx::Duration difference) {
  const auto by = std::chrono::duration_cast<std::chrono::milliseconds>(difference).count();
  for (auto* keys : {ring.mutable_beat(), ring.mutable_access()})
    for (auto& key : *keys) {
      if (key.use_from_ms() != 0) key.set_use_from_ms(moved(key.use_from_ms(), by));
      if (key.until_ms() != 0) key.set_until_ms(moved(key.until_ms(), by));
    }
  return ring;
}

}  // namespace wire
