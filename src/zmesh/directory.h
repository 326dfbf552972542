// SPDX-License-Identifier: Apache-2.0
#pragma once

// Where every space is, as the leader of the term says it: the space registry of R-SEND-2.
//
// Rules: an update of a lower term or sequence is refused (S4), and a change by who was not told
// the whole in this term; an entry's epoch never falls while the entry exists (S15); `complete`
// replaces everything. A space that is not known is not guessed: nothing is sent to it, and nothing
// from it is taken in (P10).
//
// Pure; one per zmesh.

#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "samoza/v1/cluster.pb.h"
#include "stdx/result.h"

namespace zmesh {

namespace v1 = samoza::v1;

class Directory {
 public:
  // Entries past this are refused with Code::full (guide: 1,000,000 spaces).
  static constexpr std::size_t entries_max = 1'000'000;

  // What the update changed; Code::stale for what these rules refuse: the leader then sends the
  // whole.
  stdx::Result<std::size_t> apply(const v1::DirectoryUpdate& update);

  std::uint64_t term() const { return term_; }
  const std::string& leader() const { return leader_; }
  std::uint64_t sequence() const { return sequence_; }

  // By the ids of a data frame: 16 bytes of the topology's UUID and the index of the space.
  const v1::DirectoryEntry* find(const std::array<char, 16>& topology, std::uint32_t space) const;
  const v1::DirectoryEntry* find(const std::string& topology, const std::string& space) const;

  // Entries of every topology that has a space on `zhost`, sorted by (topology, space).
  std::vector<v1::DirectoryEntry> peers_of(const std::string& zhost) const;
  std::vector<v1::DirectoryEntry> all() const;
  std::size_t size() const { return entries_.size(); }

 private:
  using Name = std::pair<std::string, std::string>;  // topology, space
  using Index = std::pair<std::array<char, 16>, std::uint32_t>;

  bool put(const v1::DirectoryEntry& entry);
  bool erase(const Name& name);

  std::uint64_t term_ = 0;
  std::uint64_t sequence_ = 0;
  std::string leader_;
  std::map<Name, v1::DirectoryEntry> entries_;
  std::map<Index, Name> by_index_;
};

}  // namespace zmesh
