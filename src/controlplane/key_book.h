// SPDX-License-Identifier: Apache-2.0
#pragma once

// The keys of the cluster's MACs (join.proto, KeyRing): which generations there are, and since when
// and until when each counts. A new key is given out long before it is used, and the former one is
// good for a while afterwards, so that nothing is lost by a change:
//
//   made --- use_after ---> used; the former is good for another overlap
//
// Every zhost asks for certificates, and so for keys, more often than use_after. When a zhost was
// forgotten the others are told to ask at once, and the key of the beats changes within seconds.
//
// Secrets are made from the authority's key, so that no record and no copy of the records has one.
// Pure; records come in by learn() and go out as changes. At most wire::keys_max keys of a purpose;
// past it the oldest ends.

#include <optional>

#include "controlplane/seal.h"
#include "ports/credentials.h"
#include "ports/store.h"
#include "samoza/v1/join.pb.h"
#include "stdx/result.h"

namespace controlplane {

namespace v1 = samoza::v1;

class KeyBook {
 public:
  static constexpr std::chrono::milliseconds change_every = std::chrono::hours(24 * 30);
  static constexpr std::chrono::milliseconds use_after = std::chrono::hours(24);
  static constexpr std::chrono::milliseconds beat_overlap = std::chrono::hours(24);
  // Access tokens live no longer than that (zrms/token_book.h).
  static constexpr std::chrono::milliseconds access_overlap = std::chrono::hours(24 * 367);
  static constexpr std::chrono::milliseconds hurried_use_after = std::chrono::seconds(10);
  static constexpr std::chrono::milliseconds hurried_overlap = std::chrono::seconds(60);
  static constexpr std::uint64_t ahead_max = 8;
  static constexpr const char* record_kind = "keys";

  // `begun`: when the cluster was made, and the first keys with it.
  KeyBook(const Seal& seal, stdx::WallTime begun);

  void learn(v1::KeysRecord record, std::uint64_t version);
  // Of the records; another control plane may have written it meanwhile.
  std::uint64_t version() const { return version_; }

  v1::KeyRing ring(stdx::WallTime now) const;
  std::uint64_t generation() const;

  // What to write where it is time for new keys.
  std::optional<ports::RecordChange> due(stdx::WallTime now) const;
  ports::RecordChange zhost_forgotten(stdx::WallTime now) const;
  // A zhost has newer keys than the records, which were put back from an older copy: they count
  // from now on. Nothing where the seal is not that of a ring of this authority, or where they are
  // more than ahead_max ahead: so no zhost can push out the keys that are in use.
  std::optional<ports::RecordChange> ahead(std::uint64_t beat, std::uint64_t access,
                                           stdx::BytesView seal, stdx::WallTime now) const;

 private:
  ports::RecordChange change_to(const v1::KeysRecord& next) const;
  stdx::Bytes secret(const char* purpose, std::uint64_t generation) const;

  const Seal& seal_;
  v1::KeysRecord record_;
  std::uint64_t version_ = 0;
};

}  // namespace controlplane
