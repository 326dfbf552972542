// SPDX-License-Identifier: Apache-2.0
#pragma once

// Routes by which an operator recovers, backs up and restores the records, and sees which zhosts
// keep copies of them. They need no leader: where the records are behind there is none (P15).

#include "ports/http.h"
#include "ports/runtime.h"
#include "rpc/service_bus.h"
#include "zrms/leader_routes.h"
#include "zrms/leadership.h"

namespace zrms {

class RecordsApi {
 public:
  // All outlive it.
  RecordsApi(ports::Runtime& runtime, rpc::ServiceBus& zmesh, const Leadership& leadership,
             LeaderRoutes& routes);

 private:
  // Asks the control plane itself.
  template <typename Reply>
  void ask(const char* method, const google::protobuf::Message& request, ports::HttpReply reply);
  void list_copies(ports::HttpReply reply);

  ports::Runtime& runtime_;
  rpc::ServiceBus& zmesh_;
  const Leadership& leadership_;
};

}  // namespace zrms
