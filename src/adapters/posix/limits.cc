// SPDX-License-Identifier: Apache-2.0
#include "adapters/posix/limits.h"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "stdx/text.h"

namespace adapters::posix {

stdx::Result<std::size_t> raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return stdx::fail(stdx::Code::failed,
                      stdx::format("the limit of open files: {}", std::strerror(errno)));
  // What works with the descriptor set of select() can't have more than 1,024; nothing here does.
  limit.rlim_cur = limit.rlim_max;
  // Where the kernel gives no more (fs.nr_open was lowered since) the former limit stays.
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < descriptors_needed)
    return stdx::fail(
        stdx::Code::full,
        stdx::format("the limit of open files is {}; at least {} are needed. Raise it: `ulimit -n "
                     "{}` in the shell, LimitNOFILE= in a systemd unit, --ulimit nofile= of a "
                     "container",
                     limit.rlim_cur, descriptors_needed, 65'536));
  return static_cast<std::size_t>(std::min<rlim_t>(limit.rlim_cur, 1u << 30));
}

std::size_t stores_open_max(std::size_t descriptor_limit) {
  const auto kept = std::min<std::size_t>(descriptor_limit / 2, 512);
  return std::clamp<std::size_t>((descriptor_limit - kept) / 3, 8, 1024);
}

}  // namespace adapters::posix
