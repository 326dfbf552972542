// SPDX-License-Identifier: Apache-2.0
#pragma once

// Asks zruns about a space of any zhost (zrun.space): the one that runs it, or every zhost for what
// it keeps of the space's former instances. Bound: one request to each member, each with a timeout.

#include <functional>

#include "rpc/rpc_endpoint.h"
#include "samoza/v1/api.pb.h"
#include "samoza/v1/controlplane.pb.h"
#include "zmesh/directory.h"

namespace zmesh {

namespace v1 = samoza::v1;

class SpaceDetails {
 public:
  using Done = std::function<void(stdx::Result<v1::SpaceDetail>)>;

  // `members`: those of this moment.
  SpaceDetails(rpc::RpcEndpoint& endpoint, const Directory& directory,
               const v1::MembersChanged& members, std::string self)
      : endpoint_(endpoint), directory_(directory), members_(members), self_(std::move(self)) {}

  // `request.topology` is an id; empty where the name is unique in the cluster, else Code::invalid
  // names the topologies. With `all_lives` every zhost is asked for what it keeps of former
  // instances.
  void ask(v1::SpaceDetailRequest request, Done done);

 private:
  void ask_every_zhost(const v1::SpaceDetailRequest& request, Done done);

  rpc::RpcEndpoint& endpoint_;
  const Directory& directory_;
  const v1::MembersChanged& members_;
  std::string self_;
};

}  // namespace zmesh
