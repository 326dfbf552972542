// SPDX-License-Identifier: Apache-2.0
#pragma once

// Where every space is, as the leader of the term says it: the space registry of R-SEND-2.
//
// Rules: an update of a lower term is refused (S4), and so is a change that does not build on what
// is known here; an entry's epoch never falls while the entry exists (S15). The whole comes in
// parts, which replace everything at once when the last one is there: until then the former
// entries hold. A space that is not known is not guessed: nothing is sent to it, and nothing from
// it is taken in (P10).
//
// Pure; one per zmesh. Work follows what an update names, not what the directory holds.

#include <array>
#include <map>
#include <optional>
#include <set>
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

  using Name = std::pair<std::string, std::string>;  // topology, space

  // What the update changed, and what it took away; Code::stale for what these rules refuse: the
  // leader then sends the whole from its beginning.
  stdx::Result<std::vector<Name>> apply(const v1::DirectoryUpdate& update);

  std::uint64_t term() const { return term_; }
  const std::string& leader() const { return leader_; }
  std::uint64_t sequence() const { return sequence_; }

  // By the ids of a data frame: 16 bytes of the topology's UUID and the index of the space.
  const v1::DirectoryEntry* find(const std::array<char, 16>& topology, std::uint32_t space) const;
  const v1::DirectoryEntry* find(const std::string& topology, const std::string& space) const;

  // A space by its topology's id or name. The names are known of topologies that have a space which
  // takes messages from outside or has a page (DirectoryEntry.topology).
  const v1::DirectoryEntry* find_door(const std::string& topology, const std::string& space) const;
  // The ids of topologies by (name, space) of such spaces.
  const std::map<Name, std::string>& doors() const { return by_topology_; }

  // The space that answers HTTP requests below that route. While one topology goes and another one
  // with the same route comes there may be two: every zmesh takes the same one then.
  const v1::DirectoryEntry* find_route(const std::string& route) const;

  // The UI space whose page has these labels (model/page_host.h); of two, as with routes.
  const v1::DirectoryEntry* find_page(const std::string& labels) const;

  // Whether a space of that topology is on `zhost`.
  bool has_part(const std::string& topology, const std::string& zhost) const;
  // Where it has spaces.
  std::vector<std::string> zhosts_of(const std::string& topology) const;
  // Entries of a topology, sorted by space.
  std::vector<v1::DirectoryEntry> of_topology(const std::string& topology) const;
  // Entries of every topology that has a space on `zhost`, sorted by (topology, space).
  std::vector<v1::DirectoryEntry> peers_of(const std::string& zhost) const;
  // Spaces of that name, of any topology; of one whose id is `topology`, or begins with it (4
  // characters at least), where that is not empty.
  std::vector<v1::DirectoryEntry> named(const std::string& space,
                                        const std::string& topology = "") const;
  // "; did you mean 'x'?" of the names that are there, or nothing (stdx/near_miss.h).
  std::string near_miss(const std::string& space, const std::string& topology) const;
  std::vector<v1::DirectoryEntry> all() const;
  std::size_t size() const { return entries_.size(); }

 private:
  using Index = std::pair<std::array<char, 16>, std::uint32_t>;

  // The whole that is being told.
  struct Coming {
    std::uint64_t term = 0;
    std::uint32_t part = 0;  // the last one that was taken
    bool done = false;       // the last of all was taken; its answer may have been lost
    std::map<Name, v1::DirectoryEntry> entries;
  };

  stdx::Status check(const v1::DirectoryUpdate& update) const;
  stdx::Result<std::vector<Name>> take_part(const v1::DirectoryUpdate& update);
  std::vector<Name> change(const v1::DirectoryUpdate& update);
  std::vector<Name> replace(std::map<Name, v1::DirectoryEntry> entries);
  bool put(const v1::DirectoryEntry& entry);
  bool erase(const Name& name);

  std::uint64_t term_ = 0;
  std::uint64_t sequence_ = 0;
  std::string leader_;
  std::map<Name, v1::DirectoryEntry> entries_;
  std::map<Index, Name> by_index_;
  std::set<std::pair<std::string, std::string>> by_space_;  // space, topology
  std::map<Name, std::string> by_topology_;                 // (topology's name, space) -> id
  std::map<std::string, std::map<std::string, std::size_t>> parts_;  // topology -> zhost -> spaces
  std::map<std::string, std::set<Name>> by_route_;
  std::map<std::string, std::set<Name>> by_page_;
  Coming coming_;
};

}  // namespace zmesh
