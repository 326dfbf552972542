// SPDX-License-Identifier: Apache-2.0
#include "adapters/posix/addresses.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "stdx/encoding.h"

namespace adapters::posix {

namespace {

std::string text_of(const in6_addr& address) {
  char text[INET6_ADDRSTRLEN] = {};
  return inet_ntop(AF_INET6, &address, text, sizeof text) != nullptr ? text : "";
}

// Neither loopback nor link-local.
bool is_outside(const std::string& ip) {
  in_addr v4{};
  if (inet_pton(AF_INET, ip.c_str(), &v4) == 1) {
    const auto bits = ntohl(v4.s_addr);
    return bits >> 24 != 127 && bits >> 16 != 0xa9fe && bits != 0;
  }
  in6_addr v6{};
  return inet_pton(AF_INET6, ip.c_str(), &v6) == 1 && !IN6_IS_ADDR_LOOPBACK(&v6) &&
         !IN6_IS_ADDR_LINKLOCAL(&v6) && !IN6_IS_ADDR_UNSPECIFIED(&v6);
}

bool is_inner(const std::string& interface) {
  namespace fs = std::filesystem;
  if (is_name_of_containers(interface)) return true;
  const fs::path folder = "/sys/class/net/" + interface;
  std::error_code error;
  if (!fs::exists(folder / "bridge", error)) return false;
  // A bridge that has the network card as a port is how the machine is reached.
  for (const auto& port : fs::directory_iterator(folder / "brif", error))
    if (fs::exists("/sys/class/net/" + port.path().filename().string() + "/device", error))
      return false;
  return true;
}

}  // namespace

bool is_name_of_containers(const std::string& interface) {
  constexpr std::array prefixes = {"docker",  "br-",  "veth", "virbr", "vnet",   "cni",
                                   "flannel", "cali", "lxc",  "lxdbr", "podman", "kube"};
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const char* prefix) { return interface.starts_with(prefix); });
}

std::vector<std::string> temporary_addresses(const std::string& if_inet6) {
  // "ADDRESS INDEX PREFIX SCOPE FLAGS NAME", numbers in hex.
  constexpr unsigned long temporary = 0x01;
  std::vector<std::string> list;
  std::istringstream lines(if_inet6);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string address, index, prefix, scope, flags;
    if (!(words >> address >> index >> prefix >> scope >> flags)) continue;
    const auto bytes = stdx::hex_decode(address);
    in6_addr at{};
    if (!bytes || bytes->size() != sizeof at) continue;
    if ((std::strtoul(flags.c_str(), nullptr, 16) & temporary) == 0) continue;
    std::copy(bytes->begin(), bytes->end(), reinterpret_cast<char*>(&at));
    list.push_back(text_of(at));
  }
  return list;
}

std::vector<std::string> choose_outside(const std::vector<FoundAddress>& found) {
  const auto choose = [&](bool inner) {
    std::vector<std::string> v4, v6;
    for (const auto& at : found) {
      if (at.inner != inner || at.temporary || !is_outside(at.ip)) continue;
      (at.ip.find(':') == std::string::npos ? v4 : v6).push_back(at.ip);
    }
    v4.insert(v4.end(), v6.begin(), v6.end());
    return v4;
  };
  auto chosen = choose(false);
  return chosen.empty() ? choose(true) : chosen;
}

std::vector<std::string> outside_addresses() {
  std::ifstream file("/proc/net/if_inet6");
  std::ostringstream text;
  text << file.rdbuf();
  const auto temporary = temporary_addresses(text.str());
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return {};
  std::vector<FoundAddress> found;
  for (const auto* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr || (at->ifa_flags & IFF_UP) == 0) continue;
    FoundAddress one{at->ifa_name, "", is_inner(at->ifa_name), false};
    if (at->ifa_addr->sa_family == AF_INET) {
      char ip[INET_ADDRSTRLEN] = {};
      inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(at->ifa_addr)->sin_addr, ip,
                sizeof ip);
      one.ip = ip;
    } else if (at->ifa_addr->sa_family == AF_INET6) {
      one.ip = text_of(reinterpret_cast<const sockaddr_in6*>(at->ifa_addr)->sin6_addr);
      one.temporary = std::find(temporary.begin(), temporary.end(), one.ip) != temporary.end();
    }
    if (!one.ip.empty()) found.push_back(std::move(one));
  }
  freeifaddrs(list);
  return choose_outside(found);
}

}  // namespace adapters::posix
