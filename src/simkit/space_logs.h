// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::SpaceLogs in memory; `disk` is what outlives the process on a simulated zhost.

#include <map>

#include "ports/space_logs.h"
#include "simkit/process.h"

namespace simkit {

class MemorySpaceLogs final : public ports::SpaceLogs {
 public:
  static constexpr std::size_t lines_max = 100;  // of a space
  struct Disk {
    std::map<model::SpaceKey, std::vector<ports::LogLine>> lines;
    bool broken = false;  // it takes nothing and gives nothing back
  };

  MemorySpaceLogs(Process& process, Disk& disk) : process_(process), disk_(disk) {}
  void append(const model::SpaceKey& key, ports::LogLine line) override {
    if (disk_.broken) return;
    auto& lines = disk_.lines[key];
    lines.push_back(std::move(line));
    if (lines.size() > lines_max) lines.erase(lines.begin());
  }
  void read(const model::SpaceKey& key, Lines done) override {
    process_.after(std::chrono::milliseconds(1), [this, key, done] {
      if (disk_.broken) return done(stdx::fail(stdx::Code::failed, "the disk is broken"));
      const auto at = disk_.lines.find(key);
      done(at == disk_.lines.end() ? std::vector<ports::LogLine>() : at->second);
    });
  }
  void remove(const model::SpaceKey& key) override { disk_.lines.erase(key); }

 private:
  Process& process_;
  Disk& disk_;
};

}  // namespace simkit
