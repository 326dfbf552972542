// SPDX-License-Identifier: Apache-2.0
#include "model/space_type.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace model {
namespace {

constexpr std::array<std::string_view, 5> names = {"UI", "IO", "DATA", "CHAT", "CALL"};

// IO: sensors, actuators, audio; DATA: data; CHAT: agent, ic; CALL: outbound endpoints; all: core.
constexpr Capability table[] = {
    //                      ui     io     data   chat   call
    {"actuators.command", false, true, false, false, false},
    {"agent.invoke", false, false, false, true, false},
    {"audio.in", false, true, false, false, false},
    {"audio.out", false, true, false, false, false},
    {"data.read", false, false, true, false, false},
    {"data.write", false, false, true, false, false},
    {"http.outbound", false, false, false, false, true},
    {"ic.read", false, false, false, true, false},
    {"ic.write", false, false, false, true, false},
    {"sensors.subscribe", false, true, false, false, false},
    {"sys.log", true, true, true, true, true},
};

}  // namespace

std::optional<SpaceType> parse_space_type(std::string_view text) {
  const auto at = std::find(names.begin(), names.end(), text);
  if (at == names.end()) return std::nullopt;
  return static_cast<SpaceType>(at - names.begin());
}

std::string_view to_string(SpaceType type) {
  return names[static_cast<std::size_t>(type)];
}

std::span<const Capability> capabilities() {
  return table;
}

const Capability* find_capability(std::string_view name) {
  const auto at = std::find_if(std::begin(table), std::end(table),
                               [&](const Capability& c) { return c.name == name; });
  return at == std::end(table) ? nullptr : at;
}

bool may_declare(SpaceType type, const Capability& capability) {
  switch (type) {
    case SpaceType::ui:
      return capability.ui;
    case SpaceType::io:
      return capability.io;
    case SpaceType::data:
      return capability.data;
    case SpaceType::chat:
      return capability.chat;
    case SpaceType::call:
      return capability.call;
  }
  return false;
}

}  // namespace model
