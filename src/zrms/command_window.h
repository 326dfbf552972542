// SPDX-License-Identifier: Apache-2.0
#pragma once

// How many commands may be under way, and how many bytes of them: a place carries its topology, and
// all commands share one link with the renewals of the lease. What finds no room waits for answers.
// One zhost that does not answer holds back no other. Pure.

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>

namespace zrms {

class CommandWindow {
 public:
  static constexpr std::size_t commands_max = 16;           // to one zhost
  static constexpr std::size_t zhost_bytes_max = 2u << 20;  // to one; a single command has room
  static constexpr std::size_t bytes_max = 8u << 20;        // to all, half of what a link queues
  // Of the commands in one batch, without the text of their topology: with it they fit a frame.
  static constexpr std::size_t batch_bytes_max = 1u << 20;

  bool room(const std::string& zhost, std::size_t bytes) const {
    const auto at = to_.find(zhost);
    // One command always has room, however large its topology.
    const bool here = at == to_.end() || (at->second.commands < commands_max &&
                                          at->second.bytes + bytes <= zhost_bytes_max);
    return here && (bytes_ == 0 || bytes_ + bytes <= bytes_max);
  }
  void sent(const std::string& zhost, std::size_t bytes) {
    auto& to = to_[zhost];
    ++to.commands;
    to.bytes += bytes;
    bytes_ += bytes;
  }
  // A command that is not sent yet grew.
  void grew(const std::string& zhost, std::size_t bytes) {
    to_[zhost].bytes += bytes;
    bytes_ += bytes;
  }
  // Answered, refused or given up; once for each `sent`.
  void answered(const std::string& zhost, std::size_t bytes) {
    bytes_ -= std::min(bytes_, bytes);
    const auto at = to_.find(zhost);
    if (at == to_.end()) return;
    at->second.bytes -= std::min(at->second.bytes, bytes);
    if (--at->second.commands == 0) to_.erase(at);
  }

 private:
  struct To {
    std::size_t commands = 0, bytes = 0;
  };
  std::map<std::string, To> to_;
  std::size_t bytes_ = 0;
};

}  // namespace zrms
