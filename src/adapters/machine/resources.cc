// SPDX-License-Identifier: Apache-2.0
#include "adapters/machine/resources.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <condition_variable>
#include <fstream>
#include <mutex>
#include <sstream>

#include "adapters/posix/cgroup.h"

namespace adapters::machine {
namespace {

void read_memory(ports::ResourceSample& sample) {
  std::ifstream meminfo("/proc/meminfo");
  std::string line, word;
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
}

double read_busy_seconds() {
  std::ifstream stat("/proc/stat");
  std::string word;
  double user = 0, nice = 0, system = 0;
  stat >> word >> user >> nice >> system;
  return (user + nice + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

// Outlives the job that uses it.
struct ProcResources::State {
  const ports::Clock& clock;
  std::string folder;
  // The thread's.
  double last_busy_seconds = -1;
  stdx::Instant last_at{};

  std::mutex mutex;
  std::condition_variable taken;
  bool taking = false;
  ports::ResourceSample newest;

  void take() {
    ports::ResourceSample sample;
    sample.cpu_cores = static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN));
    const double busy = read_busy_seconds();
    const auto now = clock.now();
    const double elapsed = std::chrono::duration<double>(now - last_at).count();
    if (last_busy_seconds >= 0 && elapsed > 0)
      sample.cpu_used_cores = (busy - last_busy_seconds) / elapsed;
    last_busy_seconds = busy;
    last_at = now;
    read_memory(sample);
    struct statvfs disk{};
    if (statvfs(folder.c_str(), &disk) == 0) {
      sample.disk_total_bytes = disk.f_blocks * disk.f_frsize;
      sample.disk_used_bytes = (disk.f_blocks - disk.f_bfree) * disk.f_frsize;
    }
    const std::lock_guard lock(mutex);
    newest = sample;
    taking = false;
    taken.notify_all();
  }
};

ProcResources::ProcResources(const ports::Clock& clock, std::string folder)
    : state_(std::make_shared<State>(clock, std::move(folder))) {
  state_->take();
}

ports::ResourceSample ProcResources::sample() {
  const std::lock_guard lock(state_->mutex);
  if (!state_->taking) state_->taking = worker_.post([state = state_] { state->take(); });
  return state_->newest;
}

void ProcResources::wait() {
  std::unique_lock lock(state_->mutex);
  state_->taken.wait(lock, [&] { return !state_->taking; });
}

}  // namespace adapters::machine
