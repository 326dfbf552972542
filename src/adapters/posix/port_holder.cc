// SPDX-License-Identifier: Apache-2.0
#include "adapters/posix/port_holder.h"

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "stdx/text.h"

namespace adapters::posix {
namespace {

namespace fs = std::filesystem;

// Inodes of the sockets bound to `port`.
std::set<std::string> inodes_of(std::uint16_t port, const std::string& protocol) {
  std::set<std::string> inodes;
  for (const std::string& table : {protocol, protocol + "6"}) {
    std::ifstream file("/proc/net/" + table);
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) {
      std::istringstream fields(line);
      std::string slot, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
      fields >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> uid >>
          timeout >> inode;
      const auto colon = local.rfind(':');
      if (colon == std::string::npos || (protocol == "tcp" && state != "0A")) continue;
      if (std::stoul(local.substr(colon + 1), nullptr, 16) == port) inodes.insert(inode);
    }
  }
  return inodes;
}

}  // namespace

std::string port_holder(std::uint16_t port, const std::string& protocol) {
  const auto inodes = inodes_of(port, protocol);
  if (inodes.empty()) return {};
  std::error_code ignored;
  for (const auto& process : fs::directory_iterator("/proc", ignored)) {
    const auto pid = process.path().filename().string();
    if (!stdx::parse_u64(pid)) continue;
    for (const auto& fd : fs::directory_iterator(process.path() / "fd", ignored)) {
      const auto target = fs::read_symlink(fd.path(), ignored).string();
      if (!target.starts_with("socket:[")) continue;
      if (!inodes.contains(target.substr(8, target.size() - 9))) continue;
      std::string name;
      std::getline(std::ifstream(process.path() / "comm") >> std::ws, name);
      return stdx::format("{} (pid {})", stdx::printable(name, 64), pid);
    }
  }
  return {};
}

}  // namespace adapters::posix
