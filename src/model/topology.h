// SPDX-License-Identifier: Apache-2.0
#pragma once

// A topology as its author wrote it, after parsing: spaces and the directed paths between them
// (R-TOPO-1..8). A value without behaviour; `validate` says what is wrong with one.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/space_type.h"
#include "stdx/result.h"

namespace model {

enum class Delivery { at_least_once, at_most_once, once };
enum class StoreKind { none, local, cluster };
// When on_process is called again after it returned with an empty mailbox: after a pause that
// grows, or only for the next message.
enum class Idle { back_off, wait };

struct SpaceLimits {
  std::uint64_t memory_bytes = 16u << 20;
  std::uint32_t mailbox_messages = 1024;
  std::uint64_t mailbox_bytes = 4u << 20;
  std::uint32_t on_init_deadline_ms = 5000;       // R-CFG-1
  std::uint32_t on_process_watchdog_ms = 10'000;  // R-CFG-2
  std::uint32_t on_close_deadline_ms = 2000;
  std::uint64_t log_bytes_per_second = 64u << 10;
  std::uint64_t data_bytes = 1ull << 30;  // stored by data.*, with what the store itself needs
  bool operator==(const SpaceLimits&) const = default;
};

struct PlacementRules {
  std::vector<std::string> anti_affinity;  // spaces never on the same zhost
  std::vector<std::string> prefer_apart;   // spaces kept on other zhosts where it can be
  std::vector<std::string> affinity;       // spaces preferred on the same zhost
  std::string region;                      // empty: any
  std::map<std::string, std::string> labels;
  std::vector<std::string> devices;
  bool operator==(const PlacementRules&) const = default;
};

struct Space {
  std::string name;
  SpaceType type = SpaceType::call;
  std::vector<std::string> capabilities;  // effective ones, sorted (R-DEC-11)
  std::string path;                       // DATA: logical root folder
  SpaceLimits limits;
  PlacementRules placement;
  StoreKind store = StoreKind::none;  // DATA: local unless said otherwise
  std::map<std::string, std::string> config;
  std::string mex;         // stand-alone topologies: file of the space's own MEX (R-DEC-10)
  std::string mex_sha256;  // its hash, once it was read
  std::string entry;       // module or page inside the MEX
  double cpu_share = 0;
  Idle idle = Idle::back_off;
  std::vector<std::string> endpoints;
  std::string content;      // names the bytes of its folder in the MEX, where they were read
  std::string mex_version;  // of that MEX
  // model/topology_update.h
  std::uint64_t definition = 0;
  std::uint32_t restarts_asked = 0;
  bool removed = false;
  bool ingress = false;  // takes messages from outside, without a path
  std::string route;     // CALL: answers HTTP requests below that path; empty: none
  bool operator==(const Space&) const = default;
};

struct Path {
  std::string name, from, to;
  Delivery delivery = Delivery::at_least_once;
  // Deliveries of one message that may fail; then it becomes a dead letter and the rest goes on.
  std::uint32_t max_deliveries = 5;
  bool removed = false;  // model/topology_update.h
  std::string out, in;   // what the guests at its ends call it; empty: `name`
  bool operator==(const Path&) const = default;
};

struct Topology {
  std::string name, owner;
  // Sorted by name where it is submitted. A space's or path's index is its place here, in every
  // version of the topology (model/topology_update.h).
  std::vector<Space> spaces;
  std::vector<Path> paths;
  std::uint64_t version = 1;
  bool operator==(const Topology&) const = default;
};

// Bounds of one topology; more is refused at validate.
inline constexpr std::size_t spaces_max = 10'000;
inline constexpr std::size_t paths_max = 60'000;
inline constexpr std::size_t name_bytes_max = 63;

// R-ANG-6: letters, digits, '_', '.', and '-'; starts with a letter or digit; 1 to 63 bytes.
bool is_name(std::string_view text);

// Sorts spaces, paths and capabilities; call before validate.
void normalize(Topology& topology);

// What needs only the graph: names, counts, duplicates, ends of paths.
std::vector<std::string> validate_graph(const Topology& topology);

// Whether each turn of that space is a transaction (docs/delivery.md): it has a store, and an end
// of a `once` path or had one in a former version. Its outbox may hold messages of that version,
// and its cursors count on.
bool is_transactional(const Topology& topology, std::size_t space);

// R-MEX-21 (b) to (e) as far as they need no files; every finding, one line each, in order.
std::vector<std::string> validate(const Topology& topology);

}  // namespace model
