// SPDX-License-Identifier: Apache-2.0
#pragma once

// Takes a submit at the leader: it is checked, its archives are copied to min(3, N) zhosts, then
// its row is written. Submitted means: the row is committed, and the archives are on the disks of
// its replicas.

#include <functional>
#include <memory>

#include "ports/runtime.h"
#include "rpc/service_bus.h"
#include "zrms/cluster_manager.h"
#include "zrms/leader.h"
#include "zrms/leadership.h"
#include "zrms/submission.h"
#include "zrms/version_writer.h"

namespace zrms {

class Submitter {
 public:
  // All outlive it. Takes `zrms.submit` of the bus.
  Submitter(ports::Runtime& runtime, rpc::ServiceBus& zmesh, const Leadership& leadership,
            const ClusterManager& cluster, Leader& leader, VersionWriter& versions);

  void submit(v1::SubmitRequest request, Submitted done);

 private:
  struct Spreading;
  // In a task of its own; not where this object is gone by then.
  void later(std::function<void()> what);
  void check(const SubmissionPtr& submission);
  void begin(const SubmissionPtr& submission);
  void spread(std::shared_ptr<Spreading> spreading);
  void archives_spread(const SubmissionPtr& submission, const Replicas& replicas);
  // Whether it may be the topology of its name.
  stdx::Status may_have_name(const Submission& submission) const;
  stdx::Status can_run(const Submission& submission) const;
  stdx::Result<v1::SubmitReply> dry_run(const Submission& submission) const;
  void write_topology(const SubmissionPtr& submission, const Replicas& replicas);
  void update(const SubmissionPtr& submission, const Replicas& replicas);

  ports::Runtime& runtime_;
  rpc::ServiceBus& zmesh_;
  const Leadership& leadership_;
  const ClusterManager& cluster_;
  Leader& leader_;
  VersionWriter& versions_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zrms
