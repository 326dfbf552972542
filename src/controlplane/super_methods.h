// SPDX-License-Identifier: Apache-2.0
#pragma once

// Registers the methods that only zhosts which may lead can call: what leads the cluster or decides
// what the records are is not the business of one that joined with a token of role `local`
// (Code::denied).

#include <functional>
#include <utility>

#include "controlplane/authority.h"
#include "rpc/rpc_endpoint.h"
#include "stdx/text.h"

namespace controlplane {

class SuperMethods {
 public:
  SuperMethods(rpc::RpcEndpoint& endpoint, const Authority& authority)
      : endpoint_(endpoint), authority_(authority) {}

  template <typename Request, typename Reply, typename Handle>
  void on(const char* method, Handle handle) {
    endpoint_.on(method, rpc::typed<Request, Reply>(
                             [&authority = authority_, handle](const rpc::Caller& caller,
                                                               Request request, auto done) {
                               if (const auto may = may_lead(authority, caller.from.zhost()); !may)
                                 return done(std::unexpected(may.error()));
                               handle(caller, std::move(request), std::move(done));
                             }));
  }

 private:
  static stdx::Status may_lead(const Authority& authority, const std::string& zhost) {
    if (!authority.is_local(zhost)) return {};
    return stdx::fail(stdx::Code::denied,
                      stdx::format("zhost '{}' joined with a token of role `local`, so it never "
                                   "leads the cluster and lets no zhost in; ask at another zhost",
                                   zhost));
  }

  rpc::RpcEndpoint& endpoint_;
  const Authority& authority_;
};

}  // namespace controlplane
