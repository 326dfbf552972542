// SPDX-License-Identifier: Apache-2.0
#pragma once

// Routes of topologies: list and show, stop, start, delete (also keeping the data), purge. What
// they ask for is written to the records; the Reconciler does it.

#include <memory>
#include <string>
#include <vector>

#include "ports/http.h"
#include "ports/runtime.h"
#include "samoza/v1/api.pb.h"
#include "zrms/leader.h"
#include "zrms/leader_routes.h"
#include "zrms/topology_views.h"
#include "zrms/version_writer.h"

namespace zrms {

class TopologyApi {
 public:
  // All outlive it.
  TopologyApi(ports::Runtime& runtime, Leader& leader, LeaderRoutes& routes,
              const TopologyViews& views, VersionWriter& writer);

 private:
  void list(const ports::HttpRequest& request, ports::HttpReply reply) const;
  void show(const std::string& id, const ports::HttpRequest& request, ports::HttpReply reply) const;
  // `by`: who asked, for the event.
  void set_desired(const std::string& id, v1::Desired desired, const std::string& by,
                   ports::HttpReply reply);
  void delete_keeping_data(const std::string& id, const std::string& by, ports::HttpReply reply);
  // What an update removed, or a deletion kept, of all spaces or of those that are named.
  void purge(const std::string& id, const ports::HttpRequest& request, ports::HttpReply reply);
  void purge_next(const std::string& topology, std::vector<std::string> spaces,
                  v1::TopologyActionReply so_far, ports::HttpReply reply);

  ports::Runtime& runtime_;
  Leader& leader_;
  const TopologyViews& views_;
  VersionWriter& writer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zrms
