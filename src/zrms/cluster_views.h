// SPDX-License-Identifier: Apache-2.0
#pragma once

// What people are shown of the cluster: its zhosts, counts of what runs, and this zrms itself.
// Reads the state of the leader and of the membership; pure otherwise.

#include "samoza/v1/api.pb.h"
#include "zrms/cluster_manager.h"
#include "zrms/leader.h"
#include "zrms/leadership.h"

namespace zrms {

class ClusterViews {
 public:
  // All outlive it.
  ClusterViews(const ports::Clock& clock, const Leadership& leadership, const Leader& leader,
               const ClusterManager& cluster)
      : clock_(clock),
        leadership_(leadership),
        leader_(leader),
        cluster_(cluster),
        started_(clock.now()) {}

  // At the leader.
  v1::ClusterReply cluster() const;
  v1::ZhostsReply zhosts() const;
  // Of any zrms; `version`: of its program, `connected`: to zmesh.
  v1::ServiceStatus status(const std::string& version, bool connected) const;

 private:
  const ports::Clock& clock_;
  const Leadership& leadership_;
  const Leader& leader_;
  const ClusterManager& cluster_;
  stdx::Instant started_;
};

}  // namespace zrms
