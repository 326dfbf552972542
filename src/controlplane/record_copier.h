// SPDX-License-Identifier: Apache-2.0
#pragma once

// Has other zhosts keep copies of the records: once per `interval`, where something has changed or
// a zhost that kept the newest copy is away (CopyPlan). A copy goes to one zhost at a time in parts
// of part_bytes, each sent when the one before was answered: so it never fills a link that carries
// the renewals of the leader's term. Made only while the records are open (P15): what may be an
// older state must not push good copies out.

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "controlplane/copy_plan.h"
#include "controlplane/records_gate.h"
#include "rpc/rpc_endpoint.h"
#include "samoza/v1/copies.pb.h"

namespace controlplane {

class RecordCopier {
 public:
  static constexpr std::size_t part_bytes = 256u << 10;
  static constexpr stdx::Duration part_timeout = std::chrono::seconds(10);
  // After a start, and where no zhost took a copy.
  static constexpr stdx::Duration soon = std::chrono::seconds(60);

  struct Options {
    stdx::Duration interval{};  // 0: no copies
    std::size_t zhosts = 3;
    std::string own_zhost;  // a copy there is lost with the database
  };

  RecordCopier(ports::Runtime& runtime, rpc::RpcEndpoint& endpoint, ports::Store& store,
               RecordsGate& gate, Options options);

  std::function<std::set<std::string>()> linked;  // zhosts that can be asked now
  std::function<bool()> has_other_members;

  void start();
  // Called with each read of the records: notes what changed.
  void look();
  // For a person: since when the newest records have no copy, and why. Empty where all is well. It
  // stays the same text as long as nothing new is known.
  const std::string& detail() const { return detail_; }
  // RFC 3339; empty: none since this start.
  std::string newest() const;

 private:
  struct Round {
    ports::Store::Copy copy;
    v1::RecordsKnown of;
    v1::CopyInfo info;
    CopyPlan::Time taken;
  };
  using RoundPtr = std::shared_ptr<Round>;

  std::set<std::string> others() const;
  CopyPlan::Time time() const { return {runtime_.clock.now(), runtime_.clock.wall()}; }
  void begin_round();
  void made(const RoundPtr& round, stdx::Result<ports::Store::Copy> copy);
  void send_next(const RoundPtr& round);
  void send_part(const RoundPtr& round, const std::string& zhost, std::uint64_t offset,
                 std::size_t bytes);
  void answered(const RoundPtr& round, const std::string& zhost, std::uint64_t end,
                stdx::Result<v1::CopyPutReply> reply);
  void refused(const RoundPtr& round, const std::string& zhost, const stdx::Error& why);
  void end_round();

  ports::Runtime& runtime_;
  rpc::RpcEndpoint& endpoint_;
  ports::Store& store_;
  RecordsGate& gate_;
  Options options_;
  CopyPlan plan_;
  bool unsupported_ = false;
  std::string why_not_ = "none was made yet", detail_;
  ports::Timer timer_;
  ports::Counter& kept_;
  ports::Counter& refused_;
  ports::Counter& bytes_sent_;
  ports::Gauge& age_;
  ports::Gauge& overdue_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace controlplane
