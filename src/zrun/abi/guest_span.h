// SPDX-License-Identifier: Apache-2.0
#pragma once

// The one place where a guest's (pointer, length) becomes host memory. 64-bit arithmetic, so that
// no sum wraps; a span is only good within the call it was made in, as the memory moves when the
// guest runs. What is used after the call (a key, a payload) is copied first.

#include <cstring>
#include <optional>

#include "ports/engine.h"
#include "stdx/bytes.h"

namespace zrun::abi {

class GuestSpan {
 public:
  // None when any byte lies outside the memory, or when `bytes` is negative or past `bytes_max`.
  static std::optional<GuestSpan> at(const ports::GuestMemory& memory, std::uint64_t pointer,
                                     std::uint64_t bytes, std::uint64_t bytes_max) {
    const std::uint64_t begin = pointer & 0xffffffffu;
    const std::uint64_t n = bytes & 0xffffffffu;
    if (n > bytes_max || begin + n > memory.bytes) return std::nullopt;
    return GuestSpan(memory.base + begin, static_cast<std::size_t>(n));
  }

  stdx::BytesView view() const { return {reinterpret_cast<const char*>(data_), size_}; }
  std::size_t size() const { return size_; }
  void write(const void* from, std::size_t n) const { write_at(0, from, n); }
  // Requires offset + n <= size().
  void write_at(std::size_t offset, const void* from, std::size_t n) const {
    std::memcpy(data_ + offset, from, n);
  }

 private:
  GuestSpan(std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  std::uint8_t* data_;
  std::size_t size_;
};

}  // namespace zrun::abi
