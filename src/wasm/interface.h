// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a WebAssembly module asks for and offers, read from its bytes without running or compiling
// anything: used where a MEX is built, verified and submitted. The engine still checks the whole
// module before it compiles it.
//
// Bounded: a module of module_bytes_max, imports_max imports and exports_max exports; every length
// in the module is checked against what is left of it.

#include <cstdint>
#include <string>
#include <vector>

#include "stdx/bytes.h"
#include "stdx/result.h"

namespace wasm {

inline constexpr std::size_t module_bytes_max = 64u << 20;
inline constexpr std::size_t imports_max = 1000;
inline constexpr std::size_t exports_max = 10'000;

// A function's type as text: parameters, '>', results; i = i32, I = i64, f = f32, F = f64, ? = any
// other. "iii>i" takes three i32 and gives one.
using Signature = std::string;

struct Import {
  std::string module, name;
  Signature signature;  // empty: not a function
};
struct Export {
  std::string name;
  Signature signature;  // empty: not a function
};
struct Interface {
  std::vector<Import> imports;
  std::vector<Export> exports;
  // Of its own memory, in pages of 64 KiB; 0 where there is none.
  std::uint64_t memory_pages_min = 0;
  bool has_start = false;

  const Export* find_export(std::string_view name) const;
};

stdx::Result<Interface> read_interface(stdx::BytesView module);

}  // namespace wasm
