// SPDX-License-Identifier: Apache-2.0
#include "zrun/data_frames.h"

#include "wire/data_frame.h"

namespace zrun {

void DataFrames::arrived(const std::string& from_zhost, const stdx::Bytes& frame) {
  const auto parsed = wire::parse_data_frame(frame);
  if (!parsed) {
    log_.warn("bad_data_frame", {{"peer", from_zhost}, {"why", parsed.error().message}});
    return;
  }
  auto* found = spaces_.topology_with_bytes(parsed->header.topology);
  // Not here, or not any more: then the sender hears it from the directory.
  if (found == nullptr) return courier_.refuse();
  auto& topology = *found;
  // S9: over a data link a zhost speaks only for the spaces that it has. (What comes through zmesh
  // was checked there.)
  if (!from_zhost.empty()) {
    if (parsed->header.from_space >= topology.slots.size()) return courier_.refuse();
    const auto& sender = topology.slots[parsed->header.from_space];
    if (sender.epoch == parsed->header.from_epoch && sender.zhost != from_zhost)
      return courier_.refuse();
  }
  // A data link is used where there is one: the other side has none.
  if (from_zhost.empty() && parsed->header.from_space < topology.slots.size())
    links_.came_around(topology.slots[parsed->header.from_space].zhost);
  courier_.take_frame(topology, *parsed);
}

bool DataFrames::send(const std::string& zhost, stdx::Bytes frame) {
  if (links_.linked(zhost)) return links_.send(zhost, std::move(frame));
  return zmesh_.send_data(std::move(frame));
}

void DataFrames::link_changed(const std::string& zhost) {
  for (auto& [id, topology] : spaces_.topologies()) courier_.link_changed(*topology, zhost);
}

}  // namespace zrun
