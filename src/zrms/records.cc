// SPDX-License-Identifier: Apache-2.0
#include "zrms/records.h"

#include "wire/message_field.h"
#include "wire/states.h"
#include "zrms/records_reader.h"

namespace zrms {
namespace {

std::string key_of(const v1::SpaceRecord& record) {
  return record.topology_id() + "/" + record.space();
}
std::string key_of(const v1::VersionRecord& record) {
  return record.topology_id() + "/" + std::to_string(record.version());
}

// A record whose spec is at hand as bytes.
template <typename Record>
std::string with_spec(const Record& record, const std::string& spec) {
  auto value = record.SerializeAsString();
  wire::append_message_field(value, Record::kSpecFieldNumber, spec);
  return value;
}

std::string value_of(const RowChange& change) {
  if (change.kind == "topology") return with_spec(change.topology, *change.text->bytes);
  if (change.kind == "version") return with_spec(change.former, *change.spec_bytes);
  if (change.kind == "token") return change.token.SerializeAsString();
  return change.space.SerializeAsString();
}

}  // namespace

RowChange change_of(const TopologyRow& row, v1::TopologyRecord next, TextPtr text) {
  RowChange change;
  change.kind = "topology";
  change.key = next.id();
  change.expected_version = row.version;
  change.topology = std::move(next);
  change.topology.clear_spec();
  change.text = text ? std::move(text) : row.text;
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

RowChange keep(const TopologyRow& row) {
  RowChange change;
  change.kind = "version";
  change.former.set_topology_id(row.record.id());
  change.former.set_version(row.spec().version);
  change.former.set_mex_sha256(row.record.mex_sha256());
  change.key = key_of(change.former);
  change.spec_bytes = row.text->bytes;
  change.archives = archives_of(row.spec(), row.record.mex_sha256());
  return change;
}

RowChange removal_of(const VersionRow& row) {
  RowChange change;
  change.kind = "version";
  change.former.set_topology_id(row.record.topology_id());
  change.former.set_version(row.record.version());
  change.key = key_of(change.former);
  change.expected_version = row.version;
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

RowChange change_of(const TokenRow& row, v1::TokenRecord next) {
  RowChange change;
  change.kind = "token";
  change.key = next.id();
  change.expected_version = row.version;
  change.token = std::move(next);
  return change;
}

RowChange removal_of(const TokenRow& row) {
  auto change = change_of(row, row.record);
  change.remove = true;
  return change;
}

std::size_t bytes_of(const RowChange& change) {
  return change.key.size() + change.topology.ByteSizeLong() + change.space.ByteSizeLong() +
         change.former.ByteSizeLong() + change.token.ByteSizeLong() +
         (change.text && !change.remove ? change.text->bytes->size() : 0) +
         (change.spec_bytes ? change.spec_bytes->size() : 0);
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
    out->set_value(value_of(change));
  }
  return request;
}

namespace {

bool takes_room(const v1::SpaceRecord& record) {
  return !record.tombstone() && !wire::is_over(wire::state_of(record));
}

}  // namespace

void Records::put(v1::TopologyRecord record, TextPtr text, std::uint64_t version) {
  const auto id = record.id();
  auto& row = topologies_[id];
  const bool is_new = row.version == 0;
  const bool other = is_new || row.text != text;
  if (other) {
    // The new ones first: what both need is not forgotten in between.
    use_archives(id, archives_of(text->spec, record.mex_sha256()), true);
    if (!is_new) use_archives(id, archives_of(row.spec(), row.record.mex_sha256()), false);
  }
  const bool news = other || row.record.desired() != record.desired();
  row.text = std::move(text);
  row.record = std::move(record);
  row.version = version;
  if (const auto uses = archives_.find(id); is_new && uses != archives_.end()) {
    row.archives.clear();  // those of rows that were read before it come to its own
    for (const auto& [archive, count] : uses->second) row.archives.push_back(archive);
  }
  const auto& name = row.spec().name;
  if (row.record.desired() != v1::DESIRED_DELETED)
    by_name_[name] = id;
  else if (const auto named = by_name_.find(name); named != by_name_.end() && named->second == id)
    by_name_.erase(named);
  // Rows of its spaces that were read before it: now their limits are known.
  for (auto at = spaces_.lower_bound({id, ""});
       is_new && at != spaces_.end() && at->first.first == id; ++at) {
    if (!takes_room(at->second.record)) continue;
    auto& load = loads_[at->second.record.zhost()];
    load.memory_bytes -= at->second.promised_bytes;
    at->second.promised_bytes = memory_limit_of(at->second.record);
    load.memory_bytes += at->second.promised_bytes;
  }
  if (news) changes_.note({id, ""});  // its state and reason follow from its spaces
}

void Records::put(VersionRow row) {
  const auto id = row.record.topology_id();
  const auto number = row.record.version();
  erase_version(id, number);
  use_archives(id, row.archives, true);
  versions_[id][number] = std::move(row);
}

void Records::erase_version(const std::string& id, std::uint64_t number) {
  const auto of = versions_.find(id);
  if (of == versions_.end()) return;
  const auto at = of->second.find(number);
  if (at == of->second.end()) return;
  use_archives(id, at->second.archives, false);
  of->second.erase(at);
  if (of->second.empty()) versions_.erase(of);
}

void Records::use_archives(const std::string& id, const std::vector<std::string>& archives,
                           bool more) {
  for (const auto& archive : archives) use_archive(id, archive, more);
}

void Records::use_archive(const std::string& id, const std::string& archive, bool more) {
  auto& uses = archives_[id];
  auto& count = uses[archive];
  const bool edge = more ? count == 0 : count == 1;
  count += more ? 1 : -1;
  if (!edge) return;
  if (!more) uses.erase(archive);
  if (uses.empty()) archives_.erase(id);
  const auto row = topologies_.find(id);
  if (row == topologies_.end()) return;
  auto& sorted = row->second.archives;
  const auto at = std::lower_bound(sorted.begin(), sorted.end(), archive);
  const bool listed = at != sorted.end() && *at == archive;
  if (more && !listed) sorted.insert(at, archive);
  if (!more && listed) sorted.erase(at);
}

const std::map<std::uint64_t, VersionRow>& Records::versions(const std::string& topology) const {
  static const std::map<std::uint64_t, VersionRow> none;
  const auto at = versions_.find(topology);
  return at == versions_.end() ? none : at->second;
}

std::uint64_t Records::memory_limit_of(const v1::SpaceRecord& record) const {
  const auto* known = topology(record.topology_id());
  const int index = known == nullptr ? -1 : known->index().find(record.space());
  return index < 0 ? 0 : known->spec().spaces[static_cast<std::size_t>(index)].limits.memory_bytes;
}

void Records::count(SpaceRow& row) {
  const auto& record = row.record;
  if (!record.mex_sha256().empty()) use_archive(record.topology_id(), record.mex_sha256(), true);
  if (!takes_room(record)) return;
  row.promised_bytes = memory_limit_of(record);
  auto& load = loads_[record.zhost()];
  ++load.spaces;
  load.memory_bytes += row.promised_bytes;
}

void Records::uncount(const SpaceRow& row) {
  const auto& record = row.record;
  if (!record.mex_sha256().empty()) use_archive(record.topology_id(), record.mex_sha256(), false);
  if (!takes_room(record)) return;
  auto& load = loads_[record.zhost()];
  --load.spaces;
  load.memory_bytes -= row.promised_bytes;
}

void Records::put(v1::SpaceRecord record, std::uint64_t version) {
  const Key key{record.topology_id(), record.space()};
  erase_space(key);
  auto& row = spaces_[key];
  row = {std::move(record), version};
  on_[row.record.zhost()].insert(key);
  count(row);
  changes_.note(key);
}

void Records::erase_space(const Key& key) {
  const auto at = spaces_.find(key);
  if (at == spaces_.end()) return;
  uncount(at->second);
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
  RecordsReader reader(reply);
  while (reader.step()) {
  }
  replace(reader.take());
}

void Records::replace(Records other) {
  auto changes = std::move(changes_);
  *this = std::move(other);
  changes_ = std::move(changes);
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
      if (change.remove)
        erase_version(change.former.topology_id(), change.former.version());
      else
        put(VersionRow{change.former, change.spec_bytes, change.archives, version});
    } else if (change.kind == "token") {
      if (change.remove)
        tokens_.erase(change.token.id());
      else
        tokens_[change.token.id()] = {change.token, version};
    } else if (change.remove) {
      erase_topology(change.topology.id());
    } else {
      put(change.topology, change.text, version);
    }
  }
}

void Records::erase_topology(const std::string& id) {
  const auto at = topologies_.find(id);
  if (at == topologies_.end()) return;
  if (const auto named = by_name_.find(at->second.spec().name);
      named != by_name_.end() && named->second == id)
    by_name_.erase(named);
  const auto archives = archives_of(at->second.spec(), at->second.record.mex_sha256());
  topologies_.erase(at);
  use_archives(id, archives, false);
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
