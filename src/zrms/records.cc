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

void keep_what_fits(std::vector<RowChange>& changes) {
  constexpr std::size_t batch_bytes_max = 2u << 20;
  std::size_t bytes = 0, fit = 0;
  for (; fit < changes.size(); ++fit) {
    const auto& change = changes[fit];
    bytes += change.key.size() + change.topology.ByteSizeLong() + change.space.ByteSizeLong();
    if (bytes > batch_bytes_max && fit > 0) break;
  }
  changes.resize(fit);
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
    out->set_value(change.kind == "topology" ? change.topology.SerializeAsString()
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
  auto& row = topologies_[record.id()];
  auto spec = wire::from_wire(record.spec());
  if (spec) row.spec = std::move(*spec);
  row.record = std::move(record);
  row.version = version;
}

void Records::load(const v1::RecordsReply& reply) {
  topologies_.clear();
  spaces_.clear();
  counter_ = reply.revision();
  for (const auto& record : reply.records()) {
    if (record.kind() == "lineage") {
      if (auto lineage = wire::parse<v1::LineageRecord>(record.value()))
        lineage_ = std::move(*lineage);
    } else if (record.kind() == "topology") {
      if (auto topology = wire::parse<v1::TopologyRecord>(record.value()))
        put(std::move(*topology), record.version());
    } else if (record.kind() == "space") {
      if (auto space = wire::parse<v1::SpaceRecord>(record.value()))
        spaces_[{space->topology_id(), space->space()}] = {*space, record.version()};
    }
  }
}

void Records::apply(const std::vector<RowChange>& changes) {
  for (const auto& change : changes) {
    const auto version = change.expected_version + 1;
    if (change.kind == "topology") {
      if (change.remove)
        topologies_.erase(change.topology.id());
      else
        put(change.topology, version);
    } else {
      const Key key{change.space.topology_id(), change.space.space()};
      if (change.remove)
        spaces_.erase(key);
      else
        spaces_[key] = {change.space, version};
    }
  }
}

const TopologyRow* Records::topology(const std::string& id) const {
  const auto at = topologies_.find(id);
  return at == topologies_.end() ? nullptr : &at->second;
}

const TopologyRow* Records::by_name(const std::string& name) const {
  for (const auto& [id, row] : topologies_)
    if (row.record.spec().name() == name && row.record.desired() != v1::DESIRED_DELETED)
      return &row;
  return nullptr;
}

const SpaceRow* Records::space(const std::string& topology, const std::string& space) const {
  const auto at = spaces_.find({topology, space});
  return at == spaces_.end() ? nullptr : &at->second;
}

}  // namespace zrms
