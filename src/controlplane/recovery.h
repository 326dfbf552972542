// SPDX-License-Identifier: Apache-2.0
#pragma once

// What an operator's `cluster recover` writes (docs/protocol.md, P15): from the records that there
// are, and from what the zhosts that are linked were told to run, one new lineage above all of
// them. Pure.
//
// Of a space the highest epoch counts, whoever has it: a row, or a zhost. What a zhost runs and no
// row names becomes a topology that is to run. A topology that was deleted after the records were
// copied comes back: nobody can tell it from one that is wanted.

#include <map>
#include <string>
#include <vector>

#include "ports/store.h"
#include "samoza/v1/cluster.pb.h"
#include "stdx/result.h"

namespace controlplane {

namespace v1 = samoza::v1;

// Of one zhost, all pages.
struct HeldByZhost {
  std::string zhost;
  std::uint64_t incarnation = 0;
  v1::RecordsKnown known;
  std::vector<v1::PlaceCommand> places;  // each topology at least once
  std::vector<v1::Floor> floors;
};

class Recovery {
 public:
  struct Names {
    std::string lineage;     // id of the new one
    std::uint64_t step = 0;  // random: no other history takes the same
    std::string now;         // RFC 3339
  };

  Recovery(const ports::Store::Snapshot& records, const std::vector<HeldByZhost>& held,
           const std::vector<v1::Member>& members, const Names& names);

  const v1::LineageRecord& lineage() const { return lineage_; }
  std::uint64_t term() const { return term_; }
  // Rows to write, in batches of at most batch_changes_max that fit; the lineage is in the last
  // one.
  const std::vector<std::vector<ports::RecordChange>>& batches() const { return batches_; }
  std::uint32_t topologies_taken_over() const { return topologies_taken_over_; }
  std::uint32_t spaces_taken_over() const { return spaces_taken_over_; }
  std::uint32_t topologies() const { return topologies_; }
  std::uint64_t lineage_version() const { return lineage_row_version_ + 1; }

 private:
  using Key = std::pair<std::string, std::string>;
  struct Space {
    v1::SpaceRecord record;
    std::uint64_t version = 0;
    bool changed = false, twice = false;
  };
  struct Topology {
    v1::TopologyRecord record;
    std::uint64_t version = 0;
    bool changed = false;
  };
  void read(const ports::Store::Snapshot& records);
  void take(const HeldByZhost& held, const Names& names);
  void take_space(const HeldByZhost& held, const v1::PlaceCommand& place);
  void make_lineage(const ports::Store::Snapshot& records, const std::vector<HeldByZhost>& held,
                    const Names& names);
  void write(const std::vector<v1::Member>& members);
  void add(ports::RecordChange change);

  std::map<std::string, Topology> topologies_by_id_;
  std::map<Key, Space> spaces_;
  std::map<std::string, std::pair<v1::Member, std::uint64_t>> members_;
  v1::LineageRecord lineage_;
  std::uint64_t lineage_row_version_ = 0;
  std::uint64_t term_ = 0, highest_epoch_ = 0;
  std::uint32_t topologies_taken_over_ = 0, spaces_taken_over_ = 0, topologies_ = 0;
  std::vector<std::vector<ports::RecordChange>> batches_;
  std::size_t batch_bytes_ = 0;
};

}  // namespace controlplane
