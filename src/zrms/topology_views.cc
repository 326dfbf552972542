// SPDX-License-Identifier: Apache-2.0
#include "zrms/topology_views.h"

#include <algorithm>
#include <map>
#include <vector>

#include "stdx/text.h"
#include "wire/states.h"
#include "zrms/versions.h"

namespace zrms {
namespace {

// Of one answer: it fits a frame, and takes the leader no long task.
constexpr std::size_t spaces_listed_max = 500;
constexpr std::size_t list_bytes_max = 256u << 10;
constexpr int placements_shown_max = 1000;
constexpr int refusals_shown_max = 1000;
constexpr std::size_t reason_shown_max = 1000;

// Of the version that the instance is of, which may be one before the present.
std::string mex_version_of_placed(const TopologyRow& row, const v1::SpaceRecord& placed,
                                  const model::Space& space) {
  if (placed.version() == row.spec().version) return space.mex_version;
  for (const auto& version : row.record.history())
    if (version.version() == placed.version() &&
        version.mex_version().find(',') == std::string::npos)
      return version.mex_version();
  return space.mex_version;
}

std::string update_text(const v1::TopologyRecord& record) {
  const auto& update = record.update();
  switch (update.state()) {
    case v1::UPDATE_ROLLING:
      return stdx::format("update from version {} to {}", update.from(), update.to());
    case v1::UPDATE_ROLLING_BACK:
      return stdx::format("version {} failed ({}); going back to what version {} replaced",
                          update.from(), update.reason(), update.from());
    case v1::UPDATE_ROLLED_BACK:
      return stdx::format("version {} failed and was rolled back: {}", update.from(),
                          update.reason());
    case v1::UPDATE_DONE:
      return update.reason();
    default:
      return "";
  }
}

const char* update_state(const v1::TopologyRecord& record) {
  switch (record.update().state()) {
    case v1::UPDATE_ROLLING:
      return "rolling";
    case v1::UPDATE_ROLLING_BACK:
      return "rolling back";
    case v1::UPDATE_ROLLED_BACK:
      return "rolled back";
    case v1::UPDATE_DONE:
      return "done";
    default:
      return "";
  }
}

// After an update they are in the order of their indices.
std::vector<const model::Space*> in_order_of_names(const model::Topology& spec) {
  std::vector<const model::Space*> list;
  for (const auto& space : spec.spaces) list.push_back(&space);
  if (spec.version > 1)
    std::sort(list.begin(), list.end(),
              [](const auto* a, const auto* b) { return a->name < b->name; });
  return list;
}

}  // namespace

v1::TopologyView TopologyViews::view_of(const TopologyRow& row, bool summary,
                                        const std::string& after) const {
  const auto& record = row.record;
  v1::TopologyView view;
  view.set_id(record.id());
  view.set_name(row.spec().name);
  view.set_owner(row.spec().owner);
  view.set_state(record.state());
  view.set_reason(record.reason());
  view.set_spaces(static_cast<std::uint32_t>(
      std::count_if(row.spec().spaces.begin(), row.spec().spaces.end(),
                    [](const model::Space& space) { return !space.removed; })));
  view.set_version(row.spec().version);
  view.set_mex_version(mex_version_of(row.spec()));
  view.set_update(update_text(record));
  view.set_update_state(update_state(record));
  view.set_created(record.created());
  view.set_updated(record.updated());
  view.set_mex_sha256(record.mex_sha256());
  *view.mutable_blob_holders() = record.blob_holders();
  std::map<std::string, std::uint32_t> states;
  v1::PlacementView counted;
  for (const auto* listed : in_order_of_names(row.spec())) {
    const auto& space = *listed;
    if (!after.empty() && space.name <= after) continue;
    if (space.removed && !keeps_something(leader_.records().space(record.id(), space.name)))
      continue;
    if (view.placements_size() == placements_shown_max) {
      view.set_next(view.placements(view.placements_size() - 1).space());
      break;
    }
    auto& placement = summary ? counted : *view.add_placements();
    placement.Clear();
    show_placement(row, space, placement);
    if (summary) {
      ++states[placement.state()];
      continue;
    }
    const auto refused = leader_.refusals().find({record.id(), space.name});
    if (refused == leader_.refusals().end()) continue;
    for (const auto& line : refused->second)
      if (view.refusals_size() < refusals_shown_max) view.add_refusals(space.name + ": " + line);
  }
  for (const auto& [state, spaces] : states) {
    auto* count = view.add_states();
    count->set_state(state);
    count->set_spaces(spaces);
  }
  return view;
}

v1::TopologyView TopologyViews::view_after_change(const TopologyRow& row) const {
  return view_of(row, row.spec().spaces.size() > spaces_listed_max, "");
}

void TopologyViews::show_placement(const TopologyRow& row, const model::Space& space,
                                   v1::PlacementView& view) const {
  const auto& record = row.record;
  view.set_space(space.name);
  view.set_type(std::string(model::to_string(space.type)));
  view.set_state("pending");
  view.set_mex_sha256(space.mex_sha256);
  const auto* placed = leader_.records().space(record.id(), space.name);
  if (placed == nullptr) return;
  view.set_zhost(placed->record.zhost());
  view.set_state(placed->record.state());
  view.set_reason(placed->record.reason());
  view.set_epoch(placed->record.epoch());
  view.set_mex_version(mex_version_of_placed(row, placed->record, space));
  view.set_version(placed->record.version());
  view.set_restarts(placed->record.restarts());
  view.set_last_failure(placed->record.last_failure());
  view.set_last_failure_at(placed->record.last_failure_at());
  view.set_last_failure_version(placed->record.last_failure_version());
  view.set_has_data(placed->record.has_data());
  const auto* zhost = cluster_.find(placed->record.zhost());
  // What waits for its data says for whom; the last words of that zhost say nothing.
  if (zhost != nullptr && record.desired() == v1::DESIRED_RUNNING &&
      wire::state_of(placed->record) != wire::SpaceRowState::waiting) {
    const auto seen = zhost->spaces.find({record.id(), space.name});
    if (zhost->life == ClusterManager::Life::dead) {
      view.set_state("lost");
    } else if (seen != zhost->spaces.end() && seen->second.epoch() == placed->record.epoch()) {
      view.set_state(seen->second.state());
      view.set_restarts(view.restarts() + seen->second.restarts());
      if (!seen->second.last_failure().empty()) {
        view.set_last_failure(seen->second.last_failure());
        view.clear_last_failure_at();
        view.set_last_failure_version(placed->record.version());
      }
      if (!seen->second.detail().empty()) view.set_reason(seen->second.detail());
    }
  }
  view.set_reason(stdx::shortened(view.reason(), reason_shown_max));
}

v1::TopologyList TopologyViews::list(bool summary, const std::string& after,
                                     std::size_t limit) const {
  v1::TopologyList list;
  const auto& rows = leader_.records().topologies();
  limit = std::clamp<std::size_t>(limit, 1, topologies_shown_max);
  std::size_t bytes = 0;
  for (auto at = rows.upper_bound(after); at != rows.end(); ++at) {
    const auto& row = at->second;
    if (row.record.desired() == v1::DESIRED_DELETED) continue;
    if (list.topologies_size() > 0 &&
        (bytes > list_bytes_max || static_cast<std::size_t>(list.topologies_size()) >= limit)) {
      list.set_next(list.topologies(list.topologies_size() - 1).id());
      break;
    }
    const bool large = row.spec().spaces.size() > spaces_listed_max;
    auto& view = *list.add_topologies();
    view = view_of(row, summary || large, "");
    bytes += view.ByteSizeLong();
  }
  return list;
}

}  // namespace zrms
