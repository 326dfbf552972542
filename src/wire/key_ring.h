// SPDX-License-Identifier: Apache-2.0
#pragma once

// The keys of a cluster's MACs as one zhost has them (join.proto, KeyRing), and which of them count
// when. Pure; at most keys_max of one purpose.

#include <vector>

#include "ports/cluster_key.h"
#include "samoza/v1/join.pb.h"
#include "stdx/result.h"
#include "stdx/time.h"

namespace wire {

namespace v1 = samoza::v1;

inline constexpr int keys_max = 64;
inline constexpr std::size_t key_bytes = 32;

// Code::invalid: too many keys, or one of the wrong size.
stdx::Status check_ring(const v1::KeyRing& ring);

// The key that makes MACs now: the newest whose time has come, or else the oldest. Null: there is
// none.
const v1::RingKey* key_in_use(const v1::KeyRing& ring, ports::ClusterKey::Purpose purpose,
                              stdx::WallTime now);
// Those that check MACs now, newest first; also those whose time has not come here.
std::vector<const v1::RingKey*> good_keys(const v1::KeyRing& ring,
                                          ports::ClusterKey::Purpose purpose, stdx::WallTime now);

// Of the newest key of a purpose, 0: there is none; and of both together, as announced.
std::uint64_t newest_generation(const google::protobuf::RepeatedPtrField<v1::RingKey>& keys);
std::uint64_t generation_of(const v1::KeyRing& ring);

// The same keys with times by a clock that differs by `difference`: theirs less ours.
v1::KeyRing by_our_clock(v1::KeyRing ring, stdx::Duration difference);

}  // namespace wire
