// SPDX-License-Identifier: Apache-2.0
#pragma once

// The type of a WebAssembly function from a C++ one: wasm::signature<std::int32_t(const void*,
// std::uint64_t)> is "iI>i". Pointers are those of a guest: i32.

#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace wasm {

template <typename T>
constexpr char letter() {
  if constexpr (std::is_pointer_v<T>) {
    return 'i';
  } else if constexpr (std::is_floating_point_v<T>) {
    return sizeof(T) == 4 ? 'f' : 'F';
  } else {
    static_assert(std::is_integral_v<T> && (sizeof(T) == 4 || sizeof(T) == 8),
                  "a parameter is an i32, i64, f32, f64 or a pointer");
    return sizeof(T) == 4 ? 'i' : 'I';
  }
}

template <typename Function>
struct SignatureOf;
template <typename Result, typename... Args>
struct SignatureOf<Result(Args...)> {
  static constexpr auto letters = [] {
    if constexpr (std::is_void_v<Result>)
      return std::array<char, sizeof...(Args) + 1>{letter<Args>()..., '>'};
    else
      return std::array<char, sizeof...(Args) + 2>{letter<Args>()..., '>', letter<Result>()};
  }();
};

template <typename Function>
inline constexpr std::string_view signature{SignatureOf<Function>::letters.data(),
                                            SignatureOf<Function>::letters.size()};

}  // namespace wasm
