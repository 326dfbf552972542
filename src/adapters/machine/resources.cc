// SPDX-License-Identifier: Apache-2.0
#include "adapters/machine/resources.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "adapters/posix/cgroup.h"

namespace adapters::machine {

ports::ResourceSample ProcResources::sample() {
  ports::ResourceSample sample;
  sample.cpu_cores = static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN));
  std::string word;
  std::ifstream stat("/proc/stat");
  double user = 0, nice = 0, system = 0;
  stat >> word >> user >> nice >> system;
  const double busy = (user + nice + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto now = clock_.now();
  const double elapsed = std::chrono::duration<double>(now - last_at_).count();
  if (last_busy_seconds_ >= 0 && elapsed > 0)
    sample.cpu_used_cores = (busy - last_busy_seconds_) / elapsed;
  last_busy_seconds_ = busy;
  last_at_ = now;
  std::ifstream meminfo("/proc/meminfo");
  std::string line;
  std::uint64_t available = 0;
  while (std::getline(meminfo, line)) {
    std::istringstream fields(line);
    std::uint64_t kib = 0;
    fields >> word >> kib;
    if (word == "MemTotal:") sample.memory_total_bytes = kib << 10;
    if (word == "MemAvailable:") available = kib << 10;
  }
  sample.memory_used_bytes = sample.memory_total_bytes - available;
  if (const auto limit = posix::memory_limit(); limit && limit->bytes < sample.memory_total_bytes) {
    sample.memory_total_bytes = limit->bytes;
    sample.memory_used_bytes = limit->used;
  }
  struct statvfs disk{};
  if (statvfs(folder_.c_str(), &disk) == 0) {
    sample.disk_total_bytes = disk.f_blocks * disk.f_frsize;
    sample.disk_used_bytes = (disk.f_blocks - disk.f_bfree) * disk.f_frsize;
  }
  return sample;
}

}  // namespace adapters::machine
