// SPDX-License-Identifier: Apache-2.0
#include "zrun/abi/functions.h"

#include <algorithm>

#include "guest_abi/check.h"
#include "guest_abi/table.h"
#include "stdx/assert.h"

namespace zrun::abi {
namespace {

struct Linked {
  const guest_abi::Function* function;
  ports::HostHandler handler;
};

// The table with its handlers, in the table's order.
std::vector<Linked> link_table() {
  std::vector<Row> rows;
  for (auto group : {sys_rows(), net_rows(), data_rows(), sensor_rows(), wasi_rows(),
                     wasi_descriptor_rows(), assemblyscript_rows()})
    rows.insert(rows.end(), group.begin(), group.end());
  std::vector<Linked> table;
  for (const auto& function : guest_abi::functions()) {
    const auto at = std::find_if(rows.begin(), rows.end(), [&](const Row& row) {
      return row.module == function.module && row.name == function.name;
    });
    ASSERT(at != rows.end(), "every row of the ABI table has its handler");
    ASSERT(at->signature == function.signature, "and of the same type");
    table.push_back({&function, at->handler});
  }
  return table;
}

}  // namespace

std::vector<ports::HostFunction> granted(const std::vector<std::string>& capabilities) {
  static const auto table = link_table();
  std::vector<ports::HostFunction> list;
  for (const auto& [function, handler] : table)
    if (guest_abi::is_granted(capabilities, function->capability))
      list.push_back({std::string(function->module), std::string(function->name),
                      std::string(function->signature), function->may_wait, handler});
  return list;
}

}  // namespace zrun::abi
