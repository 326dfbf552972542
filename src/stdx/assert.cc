// SPDX-License-Identifier: Apache-2.0
#include "stdx/assert.h"

#include <cstdio>
#include <cstdlib>

#include "stdx/result.h"

namespace stdx {

void assert_failed(const char* condition, const char* what, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s (%s)\n", file, line, what, condition);
  std::fflush(stderr);
  std::abort();
}

const char* to_string(Code code) {
  switch (code) {
    case Code::invalid:
      return "invalid";
    case Code::not_found:
      return "not_found";
    case Code::already_exists:
      return "already_exists";
    case Code::conflict:
      return "conflict";
    case Code::stale:
      return "stale";
    case Code::denied:
      return "denied";
    case Code::unavailable:
      return "unavailable";
    case Code::unknown:
      return "unknown";
    case Code::full:
      return "full";
    case Code::timeout:
      return "timeout";
    case Code::corrupt:
      return "corrupt";
    case Code::unsupported:
      return "unsupported";
    case Code::failed:
      return "failed";
  }
  return "failed";
}

}  // namespace stdx
