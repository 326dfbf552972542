// SPDX-License-Identifier: Apache-2.0
#include "controlplane/recovery.h"

#include <algorithm>
#include <set>

#include "controlplane/records_guard.h"
#include "wire/frame.h"

namespace controlplane {

namespace {

constexpr std::size_t batch_bytes_max = 2u << 20;

void add_once(google::protobuf::RepeatedPtrField<std::string>& list, const std::string& text) {
  if (std::find(list.begin(), list.end(), text) == list.end()) list.Add(std::string(text));
}

}  // namespace

Recovery::Recovery(const ports::Store::Snapshot& records, const std::vector<HeldByZhost>& held,
                   const std::vector<v1::Member>& members, const Names& names) {
  read(records);
  for (const auto& zhost : held) take(zhost, names);
  make_lineage(records, held, names);
  write(members);
}

void Recovery::read(const ports::Store::Snapshot& records) {
  term_ = records.term.term;
  for (const auto& row : records.records) {
    if (row.kind == "lineage") {
      if (auto lineage = wire::parse<v1::LineageRecord>(row.value)) lineage_ = std::move(*lineage);
      lineage_row_version_ = row.version;
    } else if (row.kind == "topology") {
      if (auto topology = wire::parse<v1::TopologyRecord>(row.value))
        topologies_by_id_[row.key] = {std::move(*topology), row.version, false};
    } else if (row.kind == "space") {
      if (auto space = wire::parse<v1::SpaceRecord>(row.value)) {
        highest_epoch_ = std::max(highest_epoch_, space->epoch());
        const Key key{space->topology_id(), space->space()};
        spaces_[key] = {std::move(*space), row.version, false};
      }
    } else if (row.kind == "zhost") {
      if (auto member = wire::parse<v1::Member>(row.value))
        members_[row.key] = {std::move(*member), row.version};
    }
  }
}

void Recovery::take(const HeldByZhost& held, const Names& names) {
  term_ = std::max(term_, held.known.term());
  for (const auto& floor : held.floors) highest_epoch_ = std::max(highest_epoch_, floor.epoch());
  for (const auto& place : held.places) {
    const auto& header = place.header();
    term_ = std::max(term_, header.term());
    highest_epoch_ = std::max(highest_epoch_, header.epoch());
    auto& topology = topologies_by_id_[header.topology_id()];
    if (topology.record.id().empty()) {
      topology.record.set_id(header.topology_id());
      topology.record.set_desired(v1::DESIRED_RUNNING);
      topology.record.set_state("pending");
      topology.record.set_reason("taken over from what zhosts ran");
      topology.record.set_mex_sha256(place.mex_sha256());
      topology.record.set_created(names.now);
      topology.record.set_updated(names.now);
      topology.changed = true;
      ++topologies_taken_over_;
    }
    // The newest version that anybody was told to run.
    if (place.has_topology() &&
        (topology.record.spec().name().empty() ||
         place.topology().version() >
             std::max<std::uint64_t>(1, topology.record.spec().version()))) {
      *topology.record.mutable_spec() = place.topology();
      topology.record.set_mex_sha256(place.mex_sha256());
      topology.changed = true;
    }
    if (!topology.changed) continue;
    for (const auto& holder : place.blob_holders())
      add_once(*topology.record.mutable_blob_holders(), holder);
    // It runs them, so it has them.
    add_once(*topology.record.mutable_blob_holders(), held.zhost);
  }
  for (const auto& place : held.places) take_space(held, place);
}

void Recovery::take_space(const HeldByZhost& held, const v1::PlaceCommand& place) {
  const auto& header = place.header();
  auto& space = spaces_[{header.topology_id(), header.space()}];
  const bool same = header.epoch() == space.record.epoch();
  // Two histories gave it the same number: whichever it is that goes on needs a new one.
  if (same && space.record.zhost() != held.zhost) space.twice = true;
  const bool taken =
      header.epoch() > space.record.epoch() ||
      (same && space.version != 0 && !space.changed &&
       (space.record.zhost() != held.zhost || space.record.incarnation() != held.incarnation));
  if (!taken) return;
  space.record.set_topology_id(header.topology_id());
  space.record.set_space(header.space());
  space.record.set_zhost(held.zhost);
  space.record.set_incarnation(held.incarnation);
  space.record.set_epoch(header.epoch());
  space.record.set_state("placed");
  space.record.set_reason("taken over from what zhost " + held.zhost + " ran");
  space.record.set_tombstone(false);
  space.record.set_has_data(space.record.has_data() || place.data_expected());
  space.record.set_version(place.topology_version());
  space.record.set_definition(place.definition());
  space.record.set_mex_sha256(place.mex_sha256());
  add_once(*space.record.mutable_held_by(), held.zhost);
  spaces_taken_over_ += !space.changed;
  space.changed = true;
}

void Recovery::make_lineage(const ports::Store::Snapshot& records,
                            const std::vector<HeldByZhost>& held, const Names& names) {
  auto last = records.revision;
  for (const auto& zhost : held)
    if (zhost.known.lineage() == lineage_.id()) last = std::max(last, zhost.known.counter());
  const auto before = lineage_;
  lineage_ = next_lineage(before, last, names.lineage);
  // What the zhosts knew is part of these records from here on, whatever lineage it was of.
  std::map<std::string, std::uint64_t> heard;
  for (const auto& zhost : held)
    if (!zhost.known.lineage().empty())
      heard[zhost.known.lineage()] = std::max(heard[zhost.known.lineage()], zhost.known.counter());
  for (const auto& [id, counter] : heard) {
    auto* known = &lineage_;
    const auto at =
        std::find_if(known->mutable_former()->begin(), known->mutable_former()->end(),
                     [&](const v1::FormerLineage& former) { return former.id() == id; });
    if (at != known->mutable_former()->end()) {
      at->set_last_counter(std::max(at->last_counter(), counter));
    } else if (known->former_size() < RecordsGuard::former_max) {
      auto* former = known->add_former();
      former->set_id(id);
      former->set_last_counter(counter);
    }
  }
  lineage_.set_epoch_floor(std::max(highest_epoch_, lineage_.epoch_floor()) + names.step);
  lineage_.set_made(names.now);
  lineage_.set_why("an operator recovered the records");
  // Nobody who is not there took a later term by counting on.
  term_ += names.step;
}

void Recovery::add(ports::RecordChange change) {
  const auto bytes = change.key.size() + (change.value ? change.value->size() : 0);
  if (batches_.empty() || batches_.back().size() >= 500 || batch_bytes_ + bytes > batch_bytes_max) {
    batches_.emplace_back();
    batch_bytes_ = 0;
  }
  batch_bytes_ += bytes;
  batches_.back().push_back(std::move(change));
}

void Recovery::write(const std::vector<v1::Member>& members) {
  for (auto& [id, topology] : topologies_by_id_) {
    if (topology.record.desired() != v1::DESIRED_DELETED) ++topologies_;
    if (topology.changed)
      add({"topology", id, topology.version, topology.record.SerializeAsString()});
  }
  for (auto& [key, space] : spaces_) {
    if (space.twice) space.record.set_epoch(lineage_.epoch_floor() + 1);
    if (space.changed)
      add({"space", key.first + "/" + key.second, space.version, space.record.SerializeAsString()});
  }
  // Those that were refused until now: without a row their spaces would look forgotten.
  std::set<std::string> written;
  for (auto member : members) {
    const auto row = members_.find(member.zhost_id());
    const bool newer =
        row == members_.end() || member.incarnation() >= row->second.first.incarnation();
    if (!newer || !written.insert(member.zhost_id()).second) continue;
    member.clear_forgotten();
    member.clear_dead();
    add({"zhost", member.zhost_id(), row == members_.end() ? 0 : row->second.second,
         member.SerializeAsString()});
  }
  add({"lineage", "", lineage_row_version_, lineage_.SerializeAsString()});
}

}  // namespace controlplane
