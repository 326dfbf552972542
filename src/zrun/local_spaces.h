// SPDX-License-Identifier: Apache-2.0
#pragma once

// The spaces that are placed on this zhost and the topologies they belong to: the table that the
// other classes of zrun look into. What goes in and out is decided by Service.
//
// Not thread-safe: it belongs to the loop of its zrun.

#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ports/executor.h"
#include "samoza/v1/cluster.pb.h"
#include "zrun/local_topology.h"
#include "zrun/space.h"
#include "zrun/ui_pages.h"

namespace zrun {

namespace v1 = samoza::v1;

struct PlacedSpace {
  std::unique_ptr<Space> space;
  std::unique_ptr<UiPages> pages;
  std::unique_ptr<ports::Timer> open_again;  // while its store can't be opened
  std::unique_ptr<ports::Timer> slow_start;  // while its module is not there
  bool remove_data = false;
  bool topology_ends = false;
  bool data_expected = false;  // it has run with its store before
  bool counted = false;        // as running
  // Takes its place once it is closed (PlaceCommand.replaces).
  std::unique_ptr<v1::PlaceCommand> next;
  std::shared_ptr<const model::Topology> next_text;
};

class LocalSpaces {
 public:
  using Key = std::pair<std::string, std::string>;  // topology id, space

  // --- spaces ---
  const std::map<Key, PlacedSpace>& all() const { return placed_; }
  std::map<Key, PlacedSpace>& all() { return placed_; }
  PlacedSpace* find(const Key& key);
  // That instance, while it is starting; null where another one or none is there by now.
  PlacedSpace* find_starting(const Key& key, const model::InstanceId& id);
  // By name; `topology`: its id or name, or empty for any.
  const Space* space(const std::string& topology, const std::string& name) const;
  UiPages* pages(const std::string& topology, const std::string& name);
  // Sorted by topology id, then name.
  std::vector<const Space*> list() const;

  // --- topologies ---
  const std::map<std::string, std::unique_ptr<LocalTopology>>& topologies() const {
    return topologies_;
  }
  LocalTopology* topology(const std::string& id_or_name);
  LocalTopology* topology_with_id(const std::string& id);
  // As data frames name it.
  LocalTopology* topology_with_bytes(const std::array<char, 16>& bytes);
  LocalTopology& add(std::unique_ptr<LocalTopology> topology);
  // Requires that no space of it is here.
  void remove_topology(const std::string& id);

 private:
  std::map<std::string, std::unique_ptr<LocalTopology>> topologies_;
  std::map<std::array<char, 16>, LocalTopology*> by_bytes_;
  std::map<Key, PlacedSpace> placed_;  // after the topologies, which its spaces refer to
};

}  // namespace zrun
