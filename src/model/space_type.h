// SPDX-License-Identifier: Apache-2.0
#pragma once

// The five types of spaces and what each may use: one table, enforced when a MEX is built, when it
// is submitted and when a module is linked (R-SPACE-7, R-DEC-12, R-DEC-13).

#include <optional>
#include <span>
#include <string_view>

namespace model {

enum class SpaceType { ui, io, data, chat, call };

// As YAML writes it: "UI", "IO", "DATA", "CHAT", "CALL". FUNC and AGENTIC are agents, not types of
// spaces (R-DEC-23).
std::optional<SpaceType> parse_space_type(std::string_view text);
std::string_view to_string(SpaceType type);

// A named permission; the functions that it opens are in the ABI table (zrun/abi/table.h).
struct Capability {
  std::string_view name;
  // Which types may declare it.
  bool ui, io, data, chat, call;
};

// Every capability there is, sorted by name. `net`, `sys.sleep`, `sys.yield` and `sys.self_emit`
// need none (R-DEC-13).
std::span<const Capability> capabilities();
const Capability* find_capability(std::string_view name);
bool may_declare(SpaceType type, const Capability& capability);

}  // namespace model
