// SPDX-License-Identifier: Apache-2.0
#pragma once

// GET /v1/topologies/{id}/explain and POST /v1/explain: the leader explains its own decisions, in
// slices between which it does everything else. Without a leader, that is the explanation.

#include <memory>
#include <string>

#include "ports/http.h"
#include "ports/runtime.h"
#include "zrms/explain.h"
#include "zrms/leader.h"
#include "zrms/leader_routes.h"
#include "zrms/leadership.h"

namespace zrms {

class ExplainApi {
 public:
  // All outlive it.
  ExplainApi(ports::Runtime& runtime, const Leadership& leadership, const Leader& leader,
             LeaderRoutes& routes);

  // A topology that is not submitted: where its spaces would go; of one of them or (empty) of all.
  void explain(const v1::TopologySpec& spec, const std::string& space, ports::HttpReply reply);

  // At once, of all callers; each holds up to a few MB. One more is refused with Code::full.
  static constexpr int explaining_max = 4;

 private:
  struct Explaining;
  void begin(Explanation explanation, ports::HttpReply reply);
  void go_on(std::shared_ptr<Explaining> explaining);

  ports::Runtime& runtime_;
  const Leadership& leadership_;
  const Leader& leader_;
  LeaderRoutes& routes_;
  int explaining_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zrms
