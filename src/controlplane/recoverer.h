// SPDX-License-Identifier: Apache-2.0
#pragma once

// Carries out `cluster recover`: asks every zhost that has a link what it was told to run, raises
// the term so that no former leader writes any more, writes what Recovery made of it, and opens the
// records. One at a time; asked_max zhosts are asked at once, each page for page_timeout. A zhost
// that does not answer is named in the reply and not waited for.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/records_gate.h"
#include "controlplane/recovery.h"
#include "rpc/rpc_endpoint.h"

namespace controlplane {

class Recoverer {
 public:
  static constexpr std::size_t asked_max = 32;
  static constexpr stdx::Duration page_timeout = std::chrono::seconds(5);
  using Done = std::function<void(stdx::Result<v1::RecoverReply>)>;

  Recoverer(ports::Runtime& runtime, rpc::RpcEndpoint& endpoint, ports::Store& store,
            RecordsGate& gate)
      : runtime_(runtime), endpoint_(endpoint), store_(store), gate_(gate) {}

  // `linked`: zhosts that can be asked. Code::conflict: nothing is to be recovered, or it is under
  // way. Code::unknown and others: run it again.
  void run(std::vector<std::string> linked, Done done);

 private:
  struct Job {
    Done done;
    std::vector<std::string> to_ask;
    std::size_t asked = 0;
    std::vector<HeldByZhost> held;
    v1::RecoverReply reply;
  };
  using JobPtr = std::shared_ptr<Job>;

  void ask_next(const JobPtr& job);
  void ask_page(const JobPtr& job, const std::shared_ptr<HeldByZhost>& zhost,
                const v1::HoldingsRequest& request);
  void take_page(const JobPtr& job, const std::shared_ptr<HeldByZhost>& zhost, bool floors,
                 v1::Holdings page);
  void silent(const JobPtr& job, const std::string& zhost, const stdx::Error& why);
  void zhost_done(const JobPtr& job);
  void read(const JobPtr& job);
  void write(const JobPtr& job, const ports::Store::Snapshot& records);
  void write_batch(const JobPtr& job, const std::shared_ptr<Recovery>& recovery,
                   const ports::TermRow& term, std::size_t batch);
  void end(const JobPtr& job, stdx::Result<v1::RecoverReply> result);

  ports::Runtime& runtime_;
  rpc::RpcEndpoint& endpoint_;
  ports::Store& store_;
  RecordsGate& gate_;
  JobPtr under_way_;
};

}  // namespace controlplane
