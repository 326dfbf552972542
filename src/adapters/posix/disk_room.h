// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "stdx/result.h"

namespace adapters::posix {

// Whether the disk of `folder` keeps its reserve (zrun.limits.disk_reserve, at most a twentieth of
// the disk; 0: none) once `more` bytes were written. Code::unavailable where it does not. What
// cannot be measured has room: the write itself will say.
stdx::Status check_disk_room(const std::string& folder, std::uint64_t reserve,
                             std::uint64_t more = 0);

}  // namespace adapters::posix
