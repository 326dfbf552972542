// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace adapters::posix {

// An address of an interface of this machine that is up.
struct FoundAddress {
  std::string interface;
  std::string ip;
  // A bridge without a port of hardware, or an interface of containers or virtual machines: its
  // addresses mean this machine on every machine that has such a one.
  bool inner = false;
  // IPv6: it changes every day or so (RFC 8981).
  bool temporary = false;
};

// Those that other machines may reach, IPv4 first: neither loopback nor link-local, nor inner nor
// temporary. Where none is left, inner ones.
std::vector<std::string> choose_outside(const std::vector<FoundAddress>& found);

// Of this machine.
std::vector<std::string> outside_addresses();

// By its name, as Docker, libvirt, Kubernetes and their like give them.
bool is_name_of_containers(const std::string& interface);
// The addresses with the flag "temporary" in the text of /proc/net/if_inet6.
std::vector<std::string> temporary_addresses(const std::string& if_inet6);

}  // namespace adapters::posix
