// SPDX-License-Identifier: Apache-2.0
#include "adapters/posix/cgroup.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "stdx/text.h"

namespace adapters::posix {
namespace {

namespace fs = std::filesystem;

// What the two versions call the same things.
struct Names {
  const char *limit, *used, *events, *inactive;
};
constexpr Names v2{"memory.max", "memory.current", "memory.events", "inactive_file"};
constexpr Names v1{"memory.limit_in_bytes", "memory.usage_in_bytes", "memory.oom_control",
                   "total_inactive_file"};
// v1 says "no bound" with a number near 2^63.
constexpr std::uint64_t no_bound = 1ull << 60;

std::optional<std::uint64_t> number_in(const fs::path& file) {
  std::ifstream in(file);
  std::string word;
  in >> word;
  return stdx::parse_u64(word);
}

// The number behind `name` in a file of "name number" lines; 0 where it is not there.
std::uint64_t field_in(const fs::path& file, const std::string& name) {
  std::ifstream in(file);
  std::string word;
  std::uint64_t value = 0;
  while (in >> word >> value)
    if (word == name) return value;
  return 0;
}

// From the cgroup up to the root of the hierarchy; in a namespace its path may not be visible.
std::optional<MemoryLimit> tightest(const fs::path& root, const fs::path& path,
                                    const Names& names) {
  std::optional<MemoryLimit> found;
  for (auto at = path.relative_path();; at = at.parent_path()) {
    const auto folder = root / at;
    const auto limit = number_in(folder / names.limit);
    if (limit && *limit < no_bound && (!found || *limit < found->bytes)) {
      const auto used = number_in(folder / names.used).value_or(0);
      const auto cached = field_in(folder / "memory.stat", names.inactive);
      found = MemoryLimit{*limit, used - std::min(used, cached),
                          field_in(folder / names.events, "oom_kill")};
    }
    if (at.empty()) return found;
  }
}

std::uint64_t machine_memory() {
  return static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

std::optional<MemoryLimit> memory_limit(const std::string& root, const std::string& self) {
  std::ifstream in(self);
  std::string line;
  std::optional<MemoryLimit> found;
  const auto take = [&](std::optional<MemoryLimit> limit) {
    if (limit && (!found || limit->bytes < found->bytes)) found = limit;
  };
  while (std::getline(in, line)) {  // "0::/path" is v2, "4:memory:/path" is v1
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const auto controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const auto path = line.substr(second + 1);
    if (controllers == ",,") {
      take(tightest(root, path, v2));
      take(tightest(root + "/unified", path, v2));
    } else if (controllers.find(",memory,") != std::string::npos) {
      take(tightest(root + "/memory", path, v1));
    }
  }
  return found;
}

std::uint64_t memory_total_bytes() {
  const auto limit = memory_limit();
  return limit ? std::min(limit->bytes, machine_memory()) : machine_memory();
}

std::uint64_t OomWatch::count() {
  const auto limit = memory_limit();
  return limit ? limit->oom_kills : field_in("/proc/vmstat", "oom_kill");
}

std::optional<std::string> OomWatch::look() {
  const auto now = count();
  if (now <= std::exchange(seen_, now)) return std::nullopt;
  return stdx::format("out of memory: limit {} MiB", memory_total_bytes() >> 20);
}

}  // namespace adapters::posix
