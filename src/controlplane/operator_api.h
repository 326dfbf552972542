// SPDX-License-Identifier: Apache-2.0
#pragma once

// What an operator does to the records as a whole, through the zrms of any zhost that may lead:
// controlplane.recover, .backup and .restore. Files are named by absolute paths on the machine of
// the control plane. After a restore the process starts anew, as the records are taken at a start.

#include <functional>
#include <string>

#include "controlplane/member_links.h"
#include "controlplane/records_cache.h"
#include "controlplane/records_gate.h"
#include "controlplane/recoverer.h"
#include "controlplane/super_methods.h"
#include "ports/runtime.h"
#include "ports/store.h"
#include "rpc/rpc_endpoint.h"

namespace controlplane {

class OperatorApi {
 public:
  struct Options {
    std::string copies_folder;  // for a backup that names no file; empty: it must
    // The process ends soon and is started again.
    std::function<void()> start_anew;
  };
  struct Parts {
    RecordsGate& gate;
    RecordsCache& records;
    Recoverer& recoverer;
    const MemberLinks& links;
  };
  // Registers its methods.
  OperatorApi(ports::Runtime& runtime, ports::Store& store, rpc::RpcEndpoint& endpoint,
              SuperMethods methods, Parts parts, Options options);

  // The records were recovered: what zhosts are told changed.
  std::function<void()> on_change;

 private:
  template <typename Reply>
  using Done = std::function<void(stdx::Result<Reply>)>;

  void recover(Recoverer::Done done);
  void back_up(const v1::BackupRequest& request, Done<v1::BackupReply> done);
  void restore(const v1::RestoreRequest& request, Done<v1::RestoreReply> done);
  void restore_from(const v1::RestoreRequest& request, Done<v1::RestoreReply> done);
  void restored();

  ports::Runtime& runtime_;
  ports::Store& store_;
  rpc::RpcEndpoint& endpoint_;
  Parts parts_;
  Options options_;
};

}  // namespace controlplane
