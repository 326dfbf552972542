// SPDX-License-Identifier: Apache-2.0
#pragma once

// REQUIRE(condition): a property of a fuzz target; ends the process, so that the input is kept.

#include <cstdio>
#include <cstdlib>
#include <string>

#define REQUIRE(condition)                                                                  \
  do {                                                                                      \
    if (!(condition)) {                                                                     \
      std::fprintf(stderr, "%s:%d: broken property: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                         \
    }                                                                                       \
  } while (false)
