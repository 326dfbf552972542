// SPDX-License-Identifier: Apache-2.0
#pragma once

// ASSERT(condition, "what holds here"): a broken invariant of our own ends the process, in every
// build. Never on what a peer, guest, operator or disk can send: that is a Result.

namespace stdx {
[[noreturn]] void assert_failed(const char* condition, const char* what, const char* file,
                                int line);
}  // namespace stdx

#define ASSERT(condition, what)                                    \
  do {                                                             \
    if (!(condition)) [[unlikely]]                                 \
      ::stdx::assert_failed(#condition, what, __FILE__, __LINE__); \
  } while (false)
