// SPDX-License-Identifier: Apache-2.0
#pragma once

// How many commands may be under way, and how many bytes of them: each place carries its whole
// topology, and all commands share one link with the renewals of the lease. What finds no room
// waits for answers. Pure.

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>

namespace zrms {

class CommandWindow {
 public:
  static constexpr std::size_t commands_max = 16;     // to one zhost
  static constexpr std::size_t bytes_max = 4u << 20;  // to all; a single command always has room

  bool room(const std::string& zhost, std::size_t bytes) const {
    const auto at = commands_.find(zhost);
    return (at == commands_.end() || at->second < commands_max) &&
           (bytes_ == 0 || bytes_ + bytes <= bytes_max);
  }
  void sent(const std::string& zhost, std::size_t bytes) {
    ++commands_[zhost];
    bytes_ += bytes;
  }
  // Answered, refused or given up; once for each `sent`.
  void answered(const std::string& zhost, std::size_t bytes) {
    bytes_ -= std::min(bytes_, bytes);
    if (const auto at = commands_.find(zhost); at != commands_.end() && --at->second == 0)
      commands_.erase(at);
  }

 private:
  std::map<std::string, std::size_t> commands_;
  std::size_t bytes_ = 0;
};

}  // namespace zrms
