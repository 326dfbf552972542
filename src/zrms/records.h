// SPDX-License-Identifier: Apache-2.0
#pragma once

// The leader's copy of the fenced records (topologies and their spaces), with the version of each
// row. It is only ever what the database said: read whole at the start of a reign, then changed by
// this leader's own committed batches. After an outcome that is not known it must be read again
// (P7).

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/topology.h"
#include "model/topology_index.h"
#include "samoza/v1/controlplane.pb.h"
#include "stdx/result.h"
#include "zrms/change_log.h"

namespace zrms {

namespace v1 = samoza::v1;

struct TopologyRow {
  v1::TopologyRecord record;
  model::Topology spec;  // of the record
  model::TopologyIndex index;
  std::shared_ptr<const std::string> spec_bytes;  // as place commands carry it
  // Of this version, of the former ones that are kept, and of what runs: sorted.
  std::vector<std::string> archives;
  std::uint64_t version = 0;
};
struct VersionRow {
  v1::VersionRecord record;
  std::uint64_t version = 0;
};
struct SpaceRow {
  v1::SpaceRecord record;
  std::uint64_t version = 0;
};

// One row to be written; null record: to be removed.
struct RowChange {
  std::string kind, key;
  std::uint64_t expected_version = 0;
  bool remove = false;
  v1::TopologyRecord topology;
  v1::SpaceRecord space;
  v1::VersionRecord former;
};
RowChange change_of(const TopologyRow& row, v1::TopologyRecord next);
RowChange change_of(const SpaceRow& row, v1::SpaceRecord next);
RowChange change_of(const VersionRow& row, v1::VersionRecord next);
RowChange removal_of(const VersionRow& row);
RowChange removal_of(const TopologyRow& row);
RowChange removal_of(const SpaceRow& row);
// A batch goes in one frame; a single row always fits.
inline constexpr std::size_t batch_bytes_max = 2u << 20;
std::size_t bytes_of(const RowChange& change);
// Takes the last rows past it away and gives them: whoever planned them plans them again.
std::vector<RowChange> keep_what_fits(std::vector<RowChange>& changes);
v1::CommitRequest to_request(std::uint64_t term, const std::vector<RowChange>& changes);

// The hashes of every MEX of a topology, sorted: its own, or those of its spaces (R-DEC-10).
std::vector<std::string> archives_of(const v1::TopologySpec& spec, const std::string& mex_sha256);

class Records {
 public:
  using Key = std::pair<std::string, std::string>;  // topology id, space

  // Everything anew.
  void load(const v1::RecordsReply& reply);
  // False: they are older than the ones here, or another history (P15).
  bool is_continued_by(const v1::RecordsReply& reply) const;
  // A committed batch of ours.
  void apply(const std::vector<RowChange>& changes);

  const std::map<std::string, TopologyRow>& topologies() const { return topologies_; }
  const std::map<Key, SpaceRow>& spaces() const { return spaces_; }
  const TopologyRow* topology(const std::string& id) const;
  const TopologyRow* by_name(const std::string& name) const;  // one that is not deleted
  const SpaceRow* space(const std::string& topology, const std::string& space) const;
  // Former versions that are kept, by number.
  const std::map<std::uint64_t, VersionRow>& versions(const std::string& topology) const;

  // Which records these are, and up to which change this leader has them (P15).
  const v1::LineageRecord& lineage() const { return lineage_; }
  std::uint64_t counter() const { return counter_; }
  void set_counter(std::uint64_t counter) { counter_ = std::max(counter_, counter); }
  // What is placed on a zhost: kept as rows change, so that nobody has to look at all of them.
  struct Load {
    std::size_t spaces = 0;
    std::uint64_t memory_bytes = 0;  // their limits
  };
  Load load_of(const std::string& zhost) const;
  // Every row that names the zhost, those that were stopped or deleted included.
  const std::set<Key>& on(const std::string& zhost) const;
  const ChangeLog& changes() const { return changes_; }
  // Rows of the database that are no record: "space/<topology>/<space>". They are not written over.
  const std::set<std::string>& unreadable() const { return unreadable_; }

 private:
  void put(v1::TopologyRecord record, std::uint64_t version);
  void put(v1::SpaceRecord record, std::uint64_t version);
  void put(v1::VersionRecord record, std::uint64_t version);
  void erase_topology(const std::string& id);
  void gather_archives(const std::string& id);
  void erase_space(const Key& key);
  void count(const SpaceRow& row, bool there);

  std::map<std::string, TopologyRow> topologies_;
  std::map<std::string, std::string> by_name_;  // of those that are not deleted
  std::map<Key, SpaceRow> spaces_;
  std::map<std::string, std::map<std::uint64_t, VersionRow>> versions_;
  // By topology: archives that its spaces were placed from, and how many.
  std::map<std::string, std::map<std::string, std::size_t>> placed_from_;
  v1::LineageRecord lineage_;
  std::uint64_t counter_ = 0;
  std::map<std::string, Load> loads_;
  std::map<std::string, std::set<Key>> on_;
  std::set<std::string> unreadable_;
  ChangeLog changes_;
};

}  // namespace zrms
