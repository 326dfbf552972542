// SPDX-License-Identifier: Apache-2.0
#pragma once

// The host side of the ABI table (guest_abi/table.h): each row with its handler. One file per
// group.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ports/engine.h"
#include "wasm/signature.h"

namespace zrun {
class Space;
}

namespace zrun::abi {

// The functions that a space with these capabilities may import: nothing else is linked (R-ABI-3).
std::vector<ports::HostFunction> granted(const std::vector<std::string>& capabilities);

// What a handler gives back: T is the type of the result in the guest, void where there is none.
template <typename T>
struct Answer : ports::HostResult {
  using Type = T;
  Answer(ports::HostResult result) : ports::HostResult(result) {}
};
using I32 = Answer<std::int32_t>;

// A handler takes the space, the call, and the parameters in their own types; its signature and the
// function that the engine calls come from those.
template <auto Handler>
struct Typed;
template <typename Result, typename... Args,
          Result (*Handler)(Space&, const ports::HostCall&, Args...)>
struct Typed<Handler> {
  static constexpr std::string_view signature = wasm::signature<typename Result::Type(Args...)>;
  static ports::HostResult call(void* context, const ports::HostCall& call) {
    return [&]<std::size_t... i>(std::index_sequence<i...>) -> ports::HostResult {
      return Handler(*static_cast<Space*>(context), call, call.args[i].template as<Args>()...);
    }(std::index_sequence_for<Args...>{});
  }
};

struct Row {
  const char* module;
  const char* name;
  std::string_view signature;
  ports::HostHandler handler;
};
template <auto Handler>
Row row(const char* module, const char* name) {
  return {module, name, Typed<Handler>::signature, Typed<Handler>::call};
}

// One list for each group.
std::vector<Row> sys_rows();
std::vector<Row> net_rows();
std::vector<Row> data_rows();
std::vector<Row> sensor_rows();
std::vector<Row> wasi_rows();
std::vector<Row> wasi_descriptor_rows();
std::vector<Row> assemblyscript_rows();

}  // namespace zrun::abi
