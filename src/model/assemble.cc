// SPDX-License-Identifier: Apache-2.0
#include "model/assemble.h"

#include <algorithm>

#include "stdx/text.h"

namespace model {
namespace {

using stdx::format;

// The space of `archive` that `asked` means, or null with a finding.
const Space* meant(const Space& asked, const Topology& archive,
                   std::vector<std::string>& findings) {
  for (const auto& space : archive.spaces)
    if (space.name == asked.name) return &space;
  if (archive.spaces.size() == 1) return &archive.spaces.front();
  std::vector<std::string> names;
  for (const auto& space : archive.spaces) names.push_back(space.name);
  findings.push_back(
      format("space '{}': {} has no space of that name, and more than one ({}); name the space as "
             "its MEX does (R-TOPO-4)",
             asked.name, stdx::printable(asked.mex, 200), fmt::join(names, ", ")));
  return nullptr;
}

Space laid_over(const Space& asked, const Space& own, std::vector<std::string>& findings) {
  const auto where = format("space '{}': {}", asked.name, stdx::printable(asked.mex, 200));
  if (asked.type != own.type)
    findings.push_back(format("{} holds a space of type {}, not {} (R-TOPO-3)", where,
                              to_string(own.type), to_string(asked.type)));
  Space space = own;
  space.name = asked.name;
  space.mex = asked.mex;
  space.mex_sha256 = asked.mex_sha256;
  if (!asked.path.empty()) space.path = asked.path;
  for (const auto& [name, value] : asked.config) space.config[name] = value;
  if (asked.capabilities.empty()) return space;
  space.capabilities = asked.capabilities;
  for (const auto& name : asked.capabilities)
    if (std::find(own.capabilities.begin(), own.capabilities.end(), name) == own.capabilities.end())
      findings.push_back(
          format("{} does not declare '{}'; the topology may narrow capabilities, "
                 "never widen them (R-DEC-11)",
                 where, stdx::printable(name, 60)));
  return space;
}

}  // namespace

Topology assemble(const Topology& asked, const std::map<std::string, Topology>& archives,
                  std::vector<std::string>& findings) {
  Topology whole;
  whole.name = asked.name;
  whole.owner = asked.owner;
  whole.paths = asked.paths;
  for (const auto& space : asked.spaces) {
    const auto archive = archives.find(space.mex_sha256);
    if (archive == archives.end()) {
      findings.push_back(
          format("space '{}': names no MEX; each space of a stand-alone topology "
                 "has its `mex` (R-TOPO-4)",
                 stdx::printable(space.name, 80)));
      continue;
    }
    if (const auto* own = meant(space, archive->second, findings))
      whole.spaces.push_back(laid_over(space, *own, findings));
  }
  normalize(whole);
  if (findings.empty()) findings = validate(whole);
  return whole;
}

}  // namespace model
