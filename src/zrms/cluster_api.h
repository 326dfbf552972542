// SPDX-License-Identifier: Apache-2.0
#pragma once

// Routes of the cluster: the leader's view of it, its zhosts, and forgetting a dead zhost
// (R-DEC-6).

#include <string>

#include "ports/http.h"
#include "rpc/service_bus.h"
#include "zrms/cluster_manager.h"
#include "zrms/cluster_views.h"
#include "zrms/leader_routes.h"
#include "zrms/leadership.h"

namespace zrms {

class ClusterApi {
 public:
  // All outlive it.
  ClusterApi(rpc::ServiceBus& zmesh, const Leadership& leadership, const ClusterManager& cluster,
             const ClusterViews& views, LeaderRoutes& routes);

 private:
  void forget_zhost(const std::string& zhost, ports::HttpReply reply);

  rpc::ServiceBus& zmesh_;
  const Leadership& leadership_;
  const ClusterManager& cluster_;
};

}  // namespace zrms
