// SPDX-License-Identifier: Apache-2.0
#include "adapters/posix/port_holder.h"

#include <arpa/inet.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "stdx/text.h"

namespace adapters::posix {
namespace {

namespace fs = std::filesystem;

// Whether a socket bound to `local` ("0100007F:2328", bytes of the address in machine order) keeps
// others from `ip`: the same address, or every one. Zhosts of one machine have the same ports.
bool covers(const std::string& local, const std::string& ip) {
  const auto address = local.substr(0, local.rfind(':'));
  if (address.find_first_not_of('0') == std::string::npos) return true;
  in_addr wanted{};
  if (inet_pton(AF_INET, ip.c_str(), &wanted) != 1) return true;  // IPv6: the port alone
  return address.ends_with(stdx::format("{:08X}", wanted.s_addr));
}

// Inodes of the sockets bound to `port` where `ip` is asked for.
std::set<std::string> inodes_of(const std::string& ip, std::uint16_t port,
                                const std::string& protocol) {
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
      if (std::stoul(local.substr(colon + 1), nullptr, 16) == port && covers(local, ip))
        inodes.insert(inode);
    }
  }
  return inodes;
}

}  // namespace

std::string port_holder(const std::string& ip, std::uint16_t port, const std::string& protocol) {
  const auto inodes = inodes_of(ip, port, protocol);
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
