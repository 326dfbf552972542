// SPDX-License-Identifier: Apache-2.0
#pragma once

// What an update makes of a topology. Zhosts name spaces and paths to each other by their index
// (wire/data_frame.h), and while an update goes on some have the former version: so a name keeps
// its index in every version, what is new is appended, and what is removed stays in its place,
// marked. A path is the same one only with the same ends and the same delivery.
//
// A space is the same in both versions where its definition is: its module or page, its type,
// rights, limits, rules, config and the paths that begin or end at it. Only others are replaced.
// Pure.

#include <string>
#include <vector>

#include "model/topology.h"

namespace model {

// Indices are 16 bits on the wire; removed ones count.
inline constexpr std::size_t indices_max = 65'000;

// Sets the definition of every space. Where a space has no `content`, its archive's hash stands in.
void define(Topology& topology);
// What a placement notes: of one that differs the space is another one.
std::uint64_t mark_of(const Space& space);

struct SpaceChange {
  enum class Kind { added, changed, removed };
  Kind kind = Kind::added;
  std::string space;
  std::vector<std::string> what;  // of a changed one: "module", "limits", "paths", …
};

struct Updated {
  Topology topology;
  std::vector<SpaceChange> changes;  // by name; empty: nothing would be done
};

// `next` is as its author wrote it: valid, sorted, nothing removed. Gives it as the version after
// `now`. Code::invalid where it has another name, Code::full past indices_max.
stdx::Result<Updated> update(const Topology& now, Topology next);

// The same topology with those spaces (none: all) to be replaced as they are. Code::not_found.
stdx::Result<Updated> restart(const Topology& now, const std::vector<std::string>& spaces);

// Without what is removed: as its author wrote it, sorted.
Topology without_removed(const Topology& topology);

const char* to_string(SpaceChange::Kind kind);

}  // namespace model
