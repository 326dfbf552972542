// SPDX-License-Identifier: Apache-2.0
#pragma once

// GET /v1/events: the leader's log of events; while there is no leader, what this zrms heard last.
// Supers hear of each event that the leader wrote (`zrms.events`).

#include <map>
#include <string>

#include "ports/http.h"
#include "rpc/service_bus.h"
#include "zrms/leader.h"
#include "zrms/leader_routes.h"
#include "zrms/leadership.h"

namespace zrms {

class EventsApi {
 public:
  // All outlive it. Takes `zrms.events` of the bus.
  EventsApi(rpc::ServiceBus& zmesh, const Leadership& leadership, Leader& leader,
            LeaderRoutes& routes);

 private:
  // `detail`: why it is not the leader that answers.
  ports::HttpResponse list(const std::map<std::string, std::string>& query,
                           const std::string& detail) const;

  const Leadership& leadership_;
  Leader& leader_;
};

}  // namespace zrms
