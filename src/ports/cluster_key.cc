// SPDX-License-Identifier: Apache-2.0
#include "ports/cluster_key.h"

#include "stdx/text.h"

namespace ports {

std::unexpected<stdx::Error> no_such_mac(stdx::BytesView said) {
  return stdx::fail(stdx::Code::denied,
                    said.empty() ? "it has no MAC" : "its MAC is by no key of this cluster");
}

bool same_mac(stdx::BytesView mac, stdx::BytesView said) {
  return said.size() >= ClusterKey::mac_bytes_min && said.size() <= mac.size() &&
         stdx::equal_in_constant_time(said, mac.substr(0, said.size()));
}

}  // namespace ports
