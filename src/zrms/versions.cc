// SPDX-License-Identifier: Apache-2.0
#include "zrms/versions.h"

#include <algorithm>
#include <set>

#include "stdx/text.h"
#include "wire/frame.h"
#include "wire/topology_codec.h"

namespace zrms {

using stdx::Code;
using stdx::format;

bool update_goes_on(const v1::TopologyRecord& record) {
  return record.update().state() == v1::UPDATE_ROLLING ||
         record.update().state() == v1::UPDATE_ROLLING_BACK;
}

bool is_kept_data(const model::Topology& topology) {
  return std::all_of(topology.spaces.begin(), topology.spaces.end(),
                     [](const model::Space& space) { return space.removed; });
}

stdx::Error only_data(const std::string& topology) {
  return {Code::conflict,
          format("topology '{}' was deleted, and its data was kept: `topo submit` brings it back "
                 "with its data, `topo purge {}` removes the data",
                 topology, topology)};
}

std::string mex_version_of(const model::Topology& topology) {
  constexpr std::size_t shown_max = 4;
  std::set<std::string> versions;
  for (const auto& space : topology.spaces)
    if (!space.removed && !space.mex_version.empty()) versions.insert(space.mex_version);
  if (versions.size() <= shown_max) return format("{}", fmt::join(versions, ", "));
  return format("{} versions", versions.size());
}

v1::VersionSummary summary_of(const model::Topology& spec, const std::string& mex_sha256,
                              const std::string& at, const std::string& what,
                              const std::string& by) {
  v1::VersionSummary summary;
  summary.set_version(std::max<std::uint64_t>(1, spec.version));
  summary.set_mex_version(mex_version_of(spec));
  summary.set_mex_sha256(mex_sha256);
  summary.set_at(at);
  summary.set_what(what);
  summary.set_by(by);
  return summary;
}

v1::TopologyRecord next_record(const TopologyRow& row, const NextVersion& next,
                               const std::string& now_text) {
  auto record = row.record;
  const auto from = row.spec().version;
  record.set_mex_sha256(next.mex_sha256);
  record.set_updated(now_text);
  auto& update = *record.mutable_update();
  update.Clear();
  update.set_from(from);
  update.set_to(next.updated.topology.version);
  update.set_reason(stdx::shortened(next.reason, 2000));
  update.set_began(now_text);
  // Nothing runs that would have to be replaced.
  const bool at_once = record.desired() != v1::DESIRED_RUNNING;
  update.set_state(at_once ? v1::UPDATE_DONE : next.state);
  if (at_once) update.set_ended(now_text);
  if (record.history_size() == 0)  // it was submitted before histories were kept
    *record.add_history() =
        summary_of(row.spec(), row.record.mex_sha256(), record.created(), "submit", "");
  *record.add_history() = summary_of(next.updated.topology, next.mex_sha256, now_text,
                                     stdx::shortened(next.what, 400), next.by);
  while (record.history_size() > history_kept) record.mutable_history()->DeleteSubrange(0, 1);
  return record;
}

std::vector<RowChange> keep_present(const Records& records, const TopologyRow& row) {
  const auto& kept = records.versions(row.record.id());
  if (kept.contains(row.spec().version)) return {};
  return {keep(row)};
}

std::vector<RowChange> drop_oldest(const Records& records, const std::string& topology) {
  std::vector<RowChange> changes;
  const auto& kept = records.versions(topology);
  for (auto at = kept.begin(); at != kept.end() && kept.size() - changes.size() > versions_kept;
       ++at)
    changes.push_back(removal_of(at->second));
  return changes;
}

stdx::Result<NextVersion> back_to(const Records& records, const TopologyRow& row,
                                  std::uint64_t version) {
  const auto& kept = records.versions(row.record.id());
  const auto at = kept.find(version);
  if (at == kept.end()) {
    std::vector<std::uint64_t> numbers;
    for (const auto& [number, former] : kept) numbers.push_back(number);
    return stdx::fail(
        Code::not_found,
        format("version {} of topology '{}' is not kept; those that are: {}", version,
               row.spec().name, numbers.empty() ? "none" : format("{}", fmt::join(numbers, ", "))));
  }
  TRY_ASSIGN(const auto spec, wire::parse<v1::TopologySpec>(*at->second.spec_bytes));
  TRY_ASSIGN(const auto former, wire::from_wire(spec));
  NextVersion next;
  TRY_ASSIGN(next.updated, model::update(row.spec(), model::without_removed(former)));
  next.mex_sha256 = at->second.record.mex_sha256();
  return next;
}

}  // namespace zrms
