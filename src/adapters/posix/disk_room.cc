// SPDX-License-Identifier: Apache-2.0
#include "adapters/posix/disk_room.h"

#include <sys/statvfs.h>

#include <algorithm>

#include "stdx/text.h"

namespace adapters::posix {

stdx::Status check_disk_room(const std::string& folder, std::uint64_t reserve, std::uint64_t more) {
  struct statvfs disk{};
  if (reserve == 0 || statvfs(folder.c_str(), &disk) != 0) return {};
  const auto kept = std::min<std::uint64_t>(reserve, disk.f_blocks / 20 * disk.f_frsize);
  const auto left = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (left >= kept + more) return {};
  return stdx::fail(stdx::Code::unavailable,
                    stdx::format("the disk of {} is full: {} MiB are left, which Samoza keeps for "
                                 "itself (zrun.limits.disk_reserve); free some",
                                 folder, left >> 20));
}

}  // namespace adapters::posix
