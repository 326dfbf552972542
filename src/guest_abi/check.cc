// SPDX-License-Identifier: Apache-2.0
#include "guest_abi/check.h"

#include <algorithm>

#include "guest_abi/table.h"
#include "stdx/text.h"

namespace guest_abi {

using stdx::format;

bool is_granted(const std::vector<std::string>& capabilities, std::string_view capability) {
  return capability.empty() ||
         std::find(capabilities.begin(), capabilities.end(), capability) != capabilities.end();
}

std::vector<std::string> check(const model::Space& space, const wasm::Interface& interface) {
  std::vector<std::string> findings;
  for (const auto& import : interface.imports) {
    const auto name = stdx::printable(import.module + "." + import.name, 120);
    const auto* function = find_function(import.module, import.name);
    if (function == nullptr || import.signature.empty())
      findings.push_back(
          format("space '{}': import {} does not exist in ABI {}", space.name, name, version));
    else if (import.signature != function->signature)
      findings.push_back(format("space '{}': import {} has type {}; it is {}", space.name, name,
                                import.signature, function->signature));
    else if (!is_granted(space.capabilities, function->capability))
      findings.push_back(format("space '{}': import {} needs capability '{}', which is not granted",
                                space.name, name, function->capability));
  }
  const bool is_command =
      interface.find_export("_start") != nullptr && interface.find_export("on_process") == nullptr;
  if (is_command)
    findings.push_back(
        format("space '{}': the module is a command (it exports _start, its main, and no "
               "on_process); build it as a library that exports on_process instead: C "
               "`-mexec-model=reactor`, Rust crate-type cdylib, Go and TinyGo "
               "`-buildmode=c-shared`, Zig `-fno-entry -mexec-model=reactor`",
               space.name));
  for (const auto& hook : hooks()) {
    const auto* exported = interface.find_export(hook.name);
    if (exported == nullptr && hook.required && !is_command)
      findings.push_back(
          format("space '{}': the module does not export {}", space.name, hook.name));
    if (exported != nullptr && exported->signature != ">i")
      findings.push_back(format("space '{}': {} must be () -> i32", space.name, hook.name));
  }
  if (interface.find_export("memory") == nullptr)
    findings.push_back(format("space '{}': the module does not export its memory", space.name));
  if (interface.memory_pages_min > space.limits.memory_bytes >> 16)
    findings.push_back(
        format("space '{}': the module starts with {} KiB of memory; limits.memory is {} KiB",
               space.name, interface.memory_pages_min * 64, space.limits.memory_bytes >> 10));
  return findings;
}

}  // namespace guest_abi
