// SPDX-License-Identifier: Apache-2.0
#pragma once

// zbase: the service registry of one zhost: name, url, health, version. What it knows comes from
// startz, which owns the processes. And it keeps copies of the control plane's records
// (copy_keeper.h).

#include <functional>
#include <map>
#include <string>

#include "ports/http.h"
#include "ports/runtime.h"
#include "ports/transport.h"
#include "rpc/service_bus.h"
#include "samoza/v1/cluster.pb.h"
#include "wire/http_router.h"
#include "zbase/copy_keeper.h"

namespace zbase {

namespace v1 = samoza::v1;

struct Options {
  std::string zhost, version;
  std::uint64_t pid = 0;
  std::map<std::string, std::string> urls;  // by service
  // Where the services answer GET /metrics; and who asks them. Null: nobody.
  std::map<std::string, ports::Endpoint> endpoints;
  ports::HttpClient* http = nullptr;
};

class Service final : public ports::HttpHandler {
 public:
  Service(ports::Runtime& runtime, ports::Transport& transport, ports::CopyStore& copies,
          Options options);

  void start();
  std::function<void()> on_stop;
  // Access tokens that hold no longer (wire/revoked_tokens.h), as zmesh hears of them.
  std::function<void(std::vector<std::string>)> on_revoked;
  void handle(ports::HttpRequest request, ports::HttpReply reply) override;
  std::vector<std::string> routes() const { return router_.routes(); }

 private:
  void look();
  void learn(const v1::Snapshot& snapshot);
  v1::ServiceList list() const;
  void zhost_metrics(ports::HttpReply reply);

  ports::Runtime& runtime_;
  Options options_;
  stdx::Instant started_;
  rpc::ServiceBus startz_, zmesh_;
  CopyKeeper copies_;
  wire::HttpRouter router_;
  std::map<std::string, v1::ServiceInfo> services_;
  ports::Timer timer_;
  int gathering_ = 0;  // scrapes of the whole zhost under way
};

}  // namespace zbase
