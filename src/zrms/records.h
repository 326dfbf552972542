// SPDX-License-Identifier: Apache-2.0
#pragma once

// The leader's copy of the fenced records (topologies and their spaces), with the version of each
// row. It is only ever what the database said: read whole at the start of a leadership session,
// then changed by this leader's own committed batches. After an outcome that is not known it must
// be read again (P7).

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "samoza/v1/controlplane.pb.h"
#include "samoza/v1/tokens.pb.h"
#include "stdx/result.h"
#include "zrms/change_log.h"
#include "zrms/topology_text.h"

namespace zrms {

namespace v1 = samoza::v1;

struct TopologyRow {
  v1::TopologyRecord record;  // without its spec, which is `text`
  TextPtr text = no_text();
  // Of this version, of the former ones that are kept, and of what runs: sorted.
  std::vector<std::string> archives;
  std::uint64_t version = 0;

  const model::Topology& spec() const { return text->spec; }
  const model::TopologyIndex& index() const { return text->index; }
};
struct VersionRow {
  v1::VersionRecord record;                       // without its spec
  std::shared_ptr<const std::string> spec_bytes;  // a TopologySpec
  std::vector<std::string> archives;
  std::uint64_t version = 0;
};
struct SpaceRow {
  v1::SpaceRecord record;
  std::uint64_t version = 0;
  // What of it is in Records::load_of: the limit of its memory when it was counted. An update may
  // change that limit, or remove the space, before it changes this row.
  std::uint64_t promised_bytes = 0;
};

// Of a removed space: whether a purge would find something. The row of one that was purged stays,
// for its epoch.
inline bool keeps_something(const SpaceRow* row) {
  return row != nullptr && row->record.held_by_size() > 0;
}

struct TokenRow {
  v1::TokenRecord record;
  std::uint64_t version = 0;
};

// One row to be written; null record: to be removed.
struct RowChange {
  std::string kind, key;
  std::uint64_t expected_version = 0;
  bool remove = false;
  v1::TopologyRecord topology;  // without its spec, which is `text`
  TextPtr text;
  v1::SpaceRecord space;
  v1::VersionRecord former;  // without its spec, which is `spec_bytes`
  std::shared_ptr<const std::string> spec_bytes;
  std::vector<std::string> archives;  // of `former`
  v1::TokenRecord token;
  std::string by;  // of topologies: the operator's name for its event; empty: the leader itself
};
// `text`: what the topology is from now on; none: as it is.
RowChange change_of(const TopologyRow& row, v1::TopologyRecord next, TextPtr text = nullptr);
RowChange change_of(const SpaceRow& row, v1::SpaceRecord next);
// A version that is to be kept: what `row` is now.
RowChange keep(const TopologyRow& row);
RowChange removal_of(const VersionRow& row);
RowChange removal_of(const TopologyRow& row);
RowChange removal_of(const SpaceRow& row);
RowChange change_of(const TokenRow& row, v1::TokenRecord next);
RowChange removal_of(const TokenRow& row);
// A batch goes in one frame; a single row always fits.
inline constexpr std::size_t batch_bytes_max = 2u << 20;
std::size_t bytes_of(const RowChange& change);
// Takes the last rows past it away and gives them: whoever planned them plans them again.
std::vector<RowChange> keep_what_fits(std::vector<RowChange>& changes);
v1::CommitRequest to_request(std::uint64_t term, const std::vector<RowChange>& changes);

class Records {
 public:
  using Key = std::pair<std::string, std::string>;  // topology id, space

  // Everything anew, at once; RecordsReader does it in parts.
  void load(const v1::RecordsReply& reply);
  // Everything is what is there; readers of changes() are told so.
  void replace(Records other);
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

  // By id: those that were made, until some time after they expire (token_book.h).
  const std::map<std::string, TokenRow>& tokens() const { return tokens_; }

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
  friend class RecordsReader;
  void put(v1::TopologyRecord record, TextPtr text, std::uint64_t version);
  void put(v1::SpaceRecord record, std::uint64_t version);
  void put(VersionRow row);
  void erase_topology(const std::string& id);
  void erase_version(const std::string& id, std::uint64_t number);
  // An archive is needed once more, or once less.
  void use_archives(const std::string& id, const std::vector<std::string>& archives, bool more);
  void use_archive(const std::string& id, const std::string& archive, bool more);
  void erase_space(const Key& key);
  void count(SpaceRow& row);
  void uncount(const SpaceRow& row);
  std::uint64_t memory_limit_of(const v1::SpaceRecord& record) const;

  std::map<std::string, TopologyRow> topologies_;
  std::map<std::string, std::string> by_name_;  // of those that are not deleted
  std::map<Key, SpaceRow> spaces_;
  std::map<std::string, std::map<std::uint64_t, VersionRow>> versions_;
  // By topology: its archives, and how many versions and placed spaces need each.
  std::map<std::string, std::map<std::string, std::size_t>> archives_;
  std::map<std::string, TokenRow> tokens_;
  v1::LineageRecord lineage_;
  std::uint64_t counter_ = 0;
  std::map<std::string, Load> loads_;
  std::map<std::string, std::set<Key>> on_;
  std::set<std::string> unreadable_;
  ChangeLog changes_;
};

}  // namespace zrms
