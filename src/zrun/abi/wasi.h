// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the files of WASI preview 1 share. Numbers are those of the preview.

#include <cstdint>
#include <optional>

#include "zrun/abi/guest_span.h"
#include "zrun/space.h"

namespace zrun::abi::wasi {

inline constexpr std::int32_t ok = 0, e_badf = 8, e_fault = 21, e_inval = 28, e_nosys = 52,
                              e_notdir = 54, e_notsock = 57, e_spipe = 70;
inline constexpr std::uint32_t standard_in = 0, standard_out = 1, standard_error = 2;

template <typename T>
bool store(const ports::HostCall& call, std::uint32_t pointer, T value) {
  const auto span = GuestSpan::at(call.memory, pointer, sizeof value, sizeof value);
  if (span) span->write(&value, sizeof value);
  return span.has_value();
}

inline ports::HostResult answer(std::int32_t error) {
  return ports::HostResult::done(error);
}
inline ports::HostResult ok_if(bool stored) {
  return answer(stored ? ok : e_fault);
}

}  // namespace zrun::abi::wasi
