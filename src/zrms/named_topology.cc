// SPDX-License-Identifier: Apache-2.0
#include "zrms/named_topology.h"

#include <vector>

#include "stdx/near_miss.h"
#include "stdx/text.h"

namespace zrms {
namespace {

using stdx::Code;
using stdx::format;

bool is_there(const TopologyRow& row) {
  return row.record.desired() != v1::DESIRED_DELETED;
}

// At most `max` topologies whose id begins so.
std::vector<const TopologyRow*> beginning_with(const Records& records, const std::string& asked,
                                               std::size_t max) {
  std::vector<const TopologyRow*> found;
  if (asked.size() < id_prefix_min) return found;
  const auto& all = records.topologies();
  for (auto at = all.lower_bound(asked); at != all.end() && at->first.starts_with(asked); ++at) {
    if (is_there(at->second)) found.push_back(&at->second);
    if (found.size() == max) break;
  }
  return found;
}

}  // namespace

const TopologyRow* named_topology(const Records& records, const std::string& asked) {
  const auto* row = records.topology(asked);
  if (row == nullptr) row = records.by_name(asked);
  if (row != nullptr) return is_there(*row) ? row : nullptr;
  const auto found = beginning_with(records, asked, 2);
  return found.size() == 1 ? found[0] : nullptr;
}

stdx::Error no_topology(const Records& records, const std::string& asked) {
  constexpr std::size_t shown_max = 10;
  const auto shown = stdx::printable(asked, 80);
  if (const auto found = beginning_with(records, asked, shown_max + 1); found.size() > 1) {
    std::string list;
    for (std::size_t i = 0; i < std::min(found.size(), shown_max); ++i)
      list += format("{}{} ({})", i > 0 ? ", " : "", found[i]->record.id(), found[i]->spec().name);
    return {Code::invalid, format("several topologies have an id that begins with '{}': {}{}",
                                  shown, list, found.size() > shown_max ? ", and more" : "")};
  }
  stdx::NearMiss miss(asked);
  for (const auto& [id, row] : records.topologies())
    if (is_there(row)) miss.consider(row.spec().name);
  return {Code::not_found,
          format("there is no topology '{}'; `topo` lists them{}", shown, miss.hint())};
}

}  // namespace zrms
