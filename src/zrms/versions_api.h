// SPDX-License-Identifier: Apache-2.0
#pragma once

// Routes of a topology's versions: history, rollback, restart.

#include <string>

#include "ports/http.h"
#include "zrms/leader.h"
#include "zrms/leader_routes.h"
#include "zrms/version_writer.h"

namespace zrms {

class VersionsApi {
 public:
  // All outlive it.
  VersionsApi(Leader& leader, LeaderRoutes& routes, VersionWriter& writer);

 private:
  enum class Action { rollback, restart };
  void act(const std::string& id, const ports::HttpRequest& request, Action action,
           ports::HttpReply reply);
  void show_history(const std::string& id, ports::HttpReply reply) const;

  Leader& leader_;
  VersionWriter& writer_;
};

}  // namespace zrms
