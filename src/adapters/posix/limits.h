// SPDX-License-Identifier: Apache-2.0
#pragma once

// How many files, sockets and timers this process may have open at a time.

#include <cstddef>

#include "stdx/result.h"

namespace adapters::posix {

// With fewer, a service of a zhost can't keep its links, its HTTP interface and its files open.
inline constexpr std::size_t descriptors_needed = 256;

// Raises the soft limit of open descriptors to the hard one and gives it. Code::full where that is
// below descriptors_needed; the message says how to raise it.
stdx::Result<std::size_t> raise_descriptor_limit();

// How many stores may be open at a time with that limit: three descriptors each, after half of them
// (at most 512) were kept for links, HTTP and files. 8 to 1,024.
std::size_t stores_open_max(std::size_t descriptor_limit);

}  // namespace adapters::posix
