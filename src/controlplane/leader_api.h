// SPDX-License-Identifier: Apache-2.0
#pragma once

// The term and the records, for the zrms that leads or would lead: controlplane.read_term,
// .cas_term, .commit and .read_since. A write is fenced by the term (P7); RecordsGate decides
// whether these records may serve it at all (P15). The kinds that are the control plane's own
// (keys, join tokens, revocations) no leader writes.

#include <functional>
#include <string>

#include "controlplane/records_cache.h"
#include "controlplane/records_gate.h"
#include "controlplane/super_methods.h"
#include "ports/store.h"
#include "rpc/rpc_endpoint.h"

namespace controlplane {

class LeaderApi {
 public:
  // Registers its methods.
  LeaderApi(ports::Store& store, RecordsGate& gate, RecordsCache& records,
            rpc::RpcEndpoint& endpoint, SuperMethods methods);

  // The term was taken, or access tokens were written: what zhosts are told may have changed.
  std::function<void()> on_change;

 private:
  template <typename Reply>
  using Done = std::function<void(stdx::Result<Reply>)>;

  void read_term(Done<v1::TermRow> done);
  void take_term(const std::string& zhost, const v1::CasTermRequest& request,
                 Done<v1::TermRow> done);
  void commit(const std::string& zhost, v1::CommitRequest& request, Done<v1::CommitReply> done);
  void read_since(const v1::ReadSinceRequest& request, Done<v1::RecordsReply> done);

  ports::Store& store_;
  RecordsGate& gate_;
  RecordsCache& records_;
};

}  // namespace controlplane
