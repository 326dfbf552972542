// SPDX-License-Identifier: Apache-2.0
#include "zrun/abi/functions.h"

#include "guest_abi/check.h"
#include "guest_abi/table.h"
#include "stdx/assert.h"

namespace zrun::abi {
namespace {

ports::HostHandler handler_of(std::string_view module, std::string_view name) {
  static const auto rows = [] {
    std::vector<Row> all;
    for (auto group : {sys_rows(), net_rows(), data_rows(), sensor_rows(), wasi_rows()})
      all.insert(all.end(), group.begin(), group.end());
    return all;
  }();
  for (const auto& row : rows)
    if (row.module == module && row.name == name) return row.handler;
  return nullptr;
}

}  // namespace

std::vector<ports::HostFunction> granted(const std::vector<std::string>& capabilities) {
  std::vector<ports::HostFunction> list;
  for (const auto& function : guest_abi::functions()) {
    if (!guest_abi::is_granted(capabilities, function.capability)) continue;
    const auto handler = handler_of(function.module, function.name);
    ASSERT(handler != nullptr, "every row of the ABI table has its handler");
    list.push_back({std::string(function.module), std::string(function.name),
                    std::string(function.signature), function.may_wait, handler});
  }
  return list;
}

}  // namespace zrun::abi
