// SPDX-License-Identifier: Apache-2.0
#include "adapters/posix/addresses.h"

#include <gtest/gtest.h>

namespace adapters::posix {
namespace {

using List = std::vector<std::string>;

TEST(AddressesTest, BridgesOfContainersAndTemporaryAddressesAreNotToldToOtherMachines) {
  const std::vector<FoundAddress> found{
      {"lo", "127.0.0.1"},
      {"lo", "::1"},
      {"eth0", "fe80::1"},
      {"eth0", "2001:db8::5"},
      {"eth0", "2001:db8::1234:5678", false, true},
      {"docker0", "172.17.0.1", true},
      {"eth0", "10.0.0.5"},
      {"eth1", "169.254.3.4"},
      {"br0", "192.168.1.5"},
  };
  EXPECT_EQ(choose_outside(found), (List{"10.0.0.5", "192.168.1.5", "2001:db8::5"}));
}

TEST(AddressesTest, AMachineThatHasNothingElseIsReachedByItsBridge) {
  EXPECT_EQ(choose_outside({{"lo", "127.0.0.1"}, {"veth1", "10.9.0.2", true}}), List{"10.9.0.2"});
  EXPECT_EQ(choose_outside({{"lo", "127.0.0.1"}}), List());
}

TEST(AddressesTest, InterfacesOfContainersAreKnownByTheirNames) {
  for (const char* name : {"docker0", "br-1a2b3c", "veth12ab", "virbr0", "cni0", "flannel.1"})
    EXPECT_TRUE(is_name_of_containers(name)) << name;
  for (const char* name : {"eth0", "enp3s0", "wlan0", "br0", "bond0", "wg0", "tailscale0"})
    EXPECT_FALSE(is_name_of_containers(name)) << name;
}

TEST(AddressesTest, TemporaryAddressesAreReadFromTheKernelsList) {
  const auto list = temporary_addresses(
      "20010db8000000000000000012345678 02 40 00 01     eth0\n"
      "20010db8000000000000000000000005 02 40 00 80     eth0\n"
      "garbage\n"
      "20010db8 02 40 00 01 eth0\n"
      "00000000000000000000000000000001 01 80 10 80       lo\n");
  EXPECT_EQ(list, List{"2001:db8::1234:5678"});
}

TEST(AddressesTest, ThisMachinesOwnAddressesAreAddresses) {
  for (const auto& ip : outside_addresses()) EXPECT_FALSE(ip.starts_with("127.")) << ip;
}

}  // namespace
}  // namespace adapters::posix
