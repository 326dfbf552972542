// SPDX-License-Identifier: Apache-2.0
#include "zrms/records.h"

#include <set>

#include "wire/frame.h"
#include "wire/topology_codec.h"

namespace zrms {
namespace {

std::string key_of(const v1::SpaceRecord& record) {
  return record.topology_id() + "/" + record.space();
}

}  // namespace

RowChange change_of(const TopologyRow& row, v1::TopologyRecord next) {
  RowChange change;
  change.kind = "topology";
  change.key = next.id();
  change.expected_version = row.version;
  change.topology = std::move(next);
  return change;
}

RowChange change_of(const SpaceRow& row, v1::SpaceRecord next) {
  RowChange change;
  change.kind = "space";
  change.key = key_of(next);
  change.expected_version = row.version;
  change.space = std::move(next);
  return change;
}

RowChange change_of(const VersionRow& row, v1::VersionRecord next) {
  RowChange change;
  change.kind = "version";
  change.key = next.topology_id() + "/" + std::to_string(next.version());
  change.expected_version = row.version;
  change.former = std::move(next);
  return change;
}

RowChange removal_of(const VersionRow& row) {
  v1::VersionRecord named;
  named.set_topology_id(row.record.topology_id());
  named.set_version(row.record.version());
  auto change = change_of(row, std::move(named));
  change.remove = true;
  return change;
}

RowChange removal_of(const TopologyRow& row) {
  auto change = change_of(row, row.record);
  change.remove = true;
  return change;
}

RowChange removal_of(const SpaceRow& row) {
  auto change = change_of(row, row.record);
  change.remove = true;
  return change;
}

std::size_t bytes_of(const RowChange& change) {
  return change.key.size() + change.topology.ByteSizeLong() + change.space.ByteSizeLong() +
         change.former.ByteSizeLong();
}

std::vector<RowChange> keep_what_fits(std::vector<RowChange>& changes) {
  std::size_t bytes = 0, fit = 0;
  for (; fit < changes.size(); ++fit) {
    const auto& change = changes[fit];
    bytes += bytes_of(change);
    if (bytes > batch_bytes_max && fit > 0) break;
  }
  std::vector<RowChange> rest(std::make_move_iterator(changes.begin() + static_cast<long>(fit)),
                              std::make_move_iterator(changes.end()));
  changes.resize(fit);
  return rest;
}

v1::CommitRequest to_request(std::uint64_t term, const std::vector<RowChange>& changes) {
  v1::CommitRequest request;
  request.set_term(term);
  for (const auto& change : changes) {
    auto* out = request.add_changes();
    out->set_kind(change.kind);
    out->set_key(change.key);
    out->set_expected_version(change.expected_version);
    out->set_remove(change.remove);
    if (change.remove) continue;
    out->set_value(change.kind == "topology"  ? change.topology.SerializeAsString()
                   : change.kind == "version" ? change.former.SerializeAsString()
                                              : change.space.SerializeAsString());
  }
  return request;
}

std::vector<std::string> archives_of(const v1::TopologySpec& spec, const std::string& mex_sha256) {
  std::set<std::string> hashes;
  for (const auto& space : spec.spaces())
    hashes.insert(space.mex_sha256().empty() ? mex_sha256 : space.mex_sha256());
  return {hashes.begin(), hashes.end()};
}

void Records::put(v1::TopologyRecord record, std::uint64_t version) {
  const auto id = record.id();
  auto& row = topologies_[id];
  // The spec changes with its version only; the state of a topology does, often.
  const bool other = !row.spec_bytes || row.record.spec().version() != record.spec().version();
  if (other) {
    if (auto spec = wire::from_wire(record.spec())) row.spec = std::move(*spec);
    row.index = model::TopologyIndex(row.spec);
    row.spec_bytes = std::make_shared<const std::string>(record.spec().SerializeAsString());
  }
  const bool news = other || row.version == 0 || row.record.desired() != record.desired();
  row.record = std::move(record);
  row.version = version;
  const auto& name = row.record.spec().name();
  if (row.record.desired() != v1::DESIRED_DELETED)
    by_name_[name] = id;
  else if (const auto named = by_name_.find(name); named != by_name_.end() && named->second == id)
    by_name_.erase(named);
  if (other) gather_archives(id);
  if (news) changes_.note({id, ""});  // its state and reason follow from its spaces
}

void Records::put(v1::VersionRecord record, std::uint64_t version) {
  const auto id = record.topology_id();
  const auto number = record.version();
  versions_[id][number] = {std::move(record), version};
  gather_archives(id);
}

void Records::gather_archives(const std::string& id) {
  const auto row = topologies_.find(id);
  if (row == topologies_.end()) return;
  const auto& record = row->second.record;
  std::set<std::string> all;
  const auto add = [&](const v1::TopologySpec& spec, const std::string& mex) {
    for (auto& archive : archives_of(spec, mex)) all.insert(std::move(archive));
  };
  add(record.spec(), record.mex_sha256());
  for (const auto& [number, former] : versions(id))
    add(former.record.spec(), former.record.mex_sha256());
  if (const auto placed = placed_from_.find(id); placed != placed_from_.end())
    for (const auto& [archive, spaces] : placed->second) all.insert(archive);
  row->second.archives.assign(all.begin(), all.end());
}

const std::map<std::uint64_t, VersionRow>& Records::versions(const std::string& topology) const {
  static const std::map<std::uint64_t, VersionRow> none;
  const auto at = versions_.find(topology);
  return at == versions_.end() ? none : at->second;
}

void Records::count(const SpaceRow& row, bool there) {
  const auto& record = row.record;
  if (!record.mex_sha256().empty()) {
    auto& from = placed_from_[record.topology_id()];
    auto& spaces = from[record.mex_sha256()];
    const bool edge = there ? spaces == 0 : spaces == 1;
    spaces += there ? 1 : -1;
    if (spaces == 0) from.erase(record.mex_sha256());
    if (from.empty()) placed_from_.erase(record.topology_id());
    if (edge) gather_archives(record.topology_id());
  }
  if (record.tombstone() || record.state() == "stopped" || record.state() == "removed") return;
  const auto* known = topology(record.topology_id());
  const int index = known == nullptr ? -1 : known->index.find(record.space());
  const auto memory =
      index < 0 ? 0 : known->spec.spaces[static_cast<std::size_t>(index)].limits.memory_bytes;
  auto& load = loads_[record.zhost()];
  if (there) {
    ++load.spaces;
    load.memory_bytes += memory;
  } else {
    --load.spaces;
    load.memory_bytes -= memory;
  }
}

void Records::put(v1::SpaceRecord record, std::uint64_t version) {
  const Key key{record.topology_id(), record.space()};
  erase_space(key);
  auto& row = spaces_[key];
  row = {std::move(record), version};
  on_[row.record.zhost()].insert(key);
  count(row, true);
  changes_.note(key);
}

void Records::erase_space(const Key& key) {
  const auto at = spaces_.find(key);
  if (at == spaces_.end()) return;
  count(at->second, false);
  if (const auto there = on_.find(at->second.record.zhost()); there != on_.end()) {
    there->second.erase(key);
    if (there->second.empty()) on_.erase(there);
  }
  spaces_.erase(at);
  changes_.note(key);
}

bool Records::is_continued_by(const v1::RecordsReply& reply) const {
  v1::LineageRecord lineage;
  for (const auto& record : reply.records())
    if (record.kind() == "lineage") lineage.ParseFromString(record.value());
  if (lineage_.id().empty() || lineage.id() == lineage_.id()) return reply.revision() >= counter_;
  return std::any_of(lineage.former().begin(), lineage.former().end(),
                     [this](const v1::FormerLineage& former) {
                       return former.id() == lineage_.id() && former.last_counter() >= counter_;
                     });
}

void Records::load(const v1::RecordsReply& reply) {
  topologies_.clear();
  by_name_.clear();
  spaces_.clear();
  loads_.clear();
  on_.clear();
  unreadable_.clear();
  versions_.clear();
  placed_from_.clear();
  counter_ = reply.revision();
  for (const auto& record : reply.records()) {
    if (record.kind() == "lineage")
      if (auto lineage = wire::parse<v1::LineageRecord>(record.value()))
        lineage_ = std::move(*lineage);
    if (record.kind() != "topology") continue;
    if (auto topology = wire::parse<v1::TopologyRecord>(record.value()))
      put(std::move(*topology), record.version());
    else
      unreadable_.insert(record.kind() + "/" + record.key());
  }
  // After the topologies, which say how much memory each space may take.
  for (const auto& record : reply.records()) {
    if (record.kind() == "version") {
      if (auto former = wire::parse<v1::VersionRecord>(record.value()))
        put(std::move(*former), record.version());
      else
        unreadable_.insert(record.kind() + "/" + record.key());
    }
    if (record.kind() != "space") continue;
    if (auto space = wire::parse<v1::SpaceRecord>(record.value()))
      put(std::move(*space), record.version());
    else
      unreadable_.insert(record.kind() + "/" + record.key());
  }
  changes_.note_all();
}

void Records::apply(const std::vector<RowChange>& changes) {
  for (const auto& change : changes) {
    const auto version = change.expected_version + 1;
    if (change.kind == "space") {
      if (change.remove)
        erase_space({change.space.topology_id(), change.space.space()});
      else
        put(change.space, version);
    } else if (change.kind == "version") {
      if (!change.remove) {
        put(change.former, version);
        continue;
      }
      const auto at = versions_.find(change.former.topology_id());
      if (at == versions_.end()) continue;
      at->second.erase(change.former.version());
      if (at->second.empty()) versions_.erase(at);
      gather_archives(change.former.topology_id());
    } else if (change.remove) {
      erase_topology(change.topology.id());
    } else {
      put(change.topology, version);
    }
  }
}

void Records::erase_topology(const std::string& id) {
  topologies_.erase(id);
  std::erase_if(by_name_, [&](const auto& entry) { return entry.second == id; });
  changes_.note({id, ""});
}

const TopologyRow* Records::topology(const std::string& id) const {
  const auto at = topologies_.find(id);
  return at == topologies_.end() ? nullptr : &at->second;
}

const TopologyRow* Records::by_name(const std::string& name) const {
  const auto at = by_name_.find(name);
  return at == by_name_.end() ? nullptr : topology(at->second);
}

const SpaceRow* Records::space(const std::string& topology, const std::string& space) const {
  const auto at = spaces_.find({topology, space});
  return at == spaces_.end() ? nullptr : &at->second;
}

Records::Load Records::load_of(const std::string& zhost) const {
  const auto at = loads_.find(zhost);
  return at == loads_.end() ? Load{} : at->second;
}

const std::set<Records::Key>& Records::on(const std::string& zhost) const {
  static const std::set<Key> nothing;
  const auto at = on_.find(zhost);
  return at == on_.end() ? nothing : at->second;
}

}  // namespace zrms
