// SPDX-License-Identifier: Apache-2.0
#pragma once

// Distinct types for ids and numbers that must not be mixed up: Strong<struct EpochTag, uint64_t>.

#include <compare>
#include <functional>
#include <utility>

namespace stdx {

template <typename Tag, typename T>
struct Strong {
  T value{};

  constexpr Strong() = default;
  constexpr explicit Strong(T v) : value(std::move(v)) {}
  auto operator<=>(const Strong&) const = default;
};

}  // namespace stdx

template <typename Tag, typename T>
struct std::hash<stdx::Strong<Tag, T>> {
  std::size_t operator()(const stdx::Strong<Tag, T>& s) const { return std::hash<T>{}(s.value); }
};
