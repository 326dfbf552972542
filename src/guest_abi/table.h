// SPDX-License-Identifier: Apache-2.0
#pragma once

// The guest ABI, version 1, as one table: what a module may import, what it may export. The
// engine's links, the checks of a MEX, docs/abi.md and sdk/c/samoza.h all come from here. To add a
// call: a row here, its handler in zrun/abi/, and `abi_document` once (the test tells if it was
// forgotten).

#include <cstdint>
#include <span>
#include <string_view>

namespace guest_abi {

inline constexpr int version = 1;

// What a call gives back when it fails; 0 and more is good.
enum Result : std::int32_t {
  e_invalid = -1,      // an argument breaks a rule: pointer, length, name, handle
  e_not_found = -2,    // no such key, sensor or name
  e_denied = -3,       // no declared path, or not for this instance
  e_full = -4,         // the bound was reached and the time to wait ran out
  e_timeout = -5,      // nothing came in the given time
  e_too_small = -6,    // the buffer is too small; nothing was taken
  e_unavailable = -7,  // what the call needs is away now
  e_io = -8,           // the store failed
  e_closed = -9,       // the space is stopping
};

struct Function {
  std::string_view module, name;
  std::string_view signature;   // of a C++ type (wasm/signature.h)
  std::string_view capability;  // empty: needs none (R-DEC-13)
  bool may_wait;                // the guest may be parked in it
  std::string_view parameters;  // as C, for the header
  std::string_view doc;
};

// The modules of toolchains: documented as tables of their own, and not in sdk/c/samoza.h.
inline constexpr std::string_view wasi_module = "wasi_snapshot_preview1";
inline constexpr std::string_view assemblyscript_module = "env";

std::span<const Function> functions();
const Function* find_function(std::string_view module, std::string_view name);

// Exports of a guest (R-ABI-19..21); all are () -> i32.
struct Hook {
  std::string_view name;
  bool required;
  std::string_view doc;
};
std::span<const Hook> hooks();

// Flags of a message (struct samoza_message).
inline constexpr std::uint32_t flag_redelivered = 1;  // it may have been handled before
inline constexpr std::uint32_t flag_self = 2;         // from sys.self_emit
// From outside of the topology: net.reply answers it.
inline constexpr std::uint32_t flag_outside = 4;
inline constexpr std::uint32_t flag_http = 8;  // and it is an HTTP request (sdk/c/samoza_http.h)

// struct samoza_message of sdk/c/samoza.h, byte for byte.
struct MessageInfo {
  std::uint32_t bytes;
  std::uint32_t flags;
  std::uint64_t seq;
  std::uint64_t sender_epoch;
  char path[64];    // NUL-terminated
  char sender[64];  // NUL-terminated
};
static_assert(sizeof(MessageInfo) == 152);

}  // namespace guest_abi
