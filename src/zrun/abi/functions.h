// SPDX-License-Identifier: Apache-2.0
#pragma once

// The host side of the ABI table (guest_abi/table.h): each row with its handler. One file per
// group.

#include <string>
#include <vector>

#include "ports/engine.h"

namespace zrun::abi {

// The functions that a space with these capabilities may import: nothing else is linked (R-ABI-3).
std::vector<ports::HostFunction> granted(const std::vector<std::string>& capabilities);

// Handlers by "module.name", one list for each group.
struct Row {
  const char* module;
  const char* name;
  ports::HostHandler handler;
};
std::vector<Row> sys_rows();
std::vector<Row> net_rows();
std::vector<Row> data_rows();
std::vector<Row> sensor_rows();
std::vector<Row> wasi_rows();

}  // namespace zrun::abi
