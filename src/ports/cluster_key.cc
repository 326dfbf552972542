// SPDX-License-Identifier: Apache-2.0
#include "ports/cluster_key.h"

#include "stdx/text.h"

namespace ports {

stdx::Status check_mac(ClusterKey& key, ClusterKey::Purpose purpose, stdx::BytesView message,
                       stdx::BytesView said) {
  TRY_ASSIGN(const auto ours, key.mac(purpose, message));
  if (stdx::equal_in_constant_time(said, ours)) return {};
  return stdx::fail(stdx::Code::denied, said.empty() ? "it does not prove the join token"
                                                     : "its join token is not this cluster's");
}

}  // namespace ports
