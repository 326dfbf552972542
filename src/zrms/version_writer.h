// SPDX-License-Identifier: Apache-2.0
#pragma once

// Writes the next version of a topology: an update, a rollback, a restart, a deletion that keeps
// the data. At the leader.
//
// Two batches, because both rows may be large: the present version is kept first, which changes
// nothing by itself. What a version is to become is worked out before its batch, whose task would
// be long otherwise.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ports/runtime.h"
#include "zrms/leader.h"
#include "zrms/submission.h"
#include "zrms/versions.h"

namespace zrms {

class VersionWriter {
 public:
  // Both outlive it.
  VersionWriter(ports::Runtime& runtime, Leader& leader) : runtime_(runtime), leader_(leader) {}

  // Called with the rows as they are then; again if the topology's row changed meanwhile.
  using MakeNext = std::function<stdx::Result<NextVersion>(const Records&, const TopologyRow&)>;
  // `topology`: an id. `replicas`: of its archives; empty: as before.
  void write(const std::string& topology, MakeNext make, const Replicas& replicas, Submitted done);

  // What a submit with `update` makes of the topology of its name. Code::conflict while another
  // update goes on.
  static stdx::Result<NextVersion> next_of(const Submission& submission, const Records& records);

 private:
  struct Update;
  static stdx::Status prepare(Update& update, const Records& records);
  static stdx::Result<std::vector<RowChange>> rows_of(Update& update, const Records& records);
  // In a task of its own; not where this object is gone by then.
  void later(std::function<void()> what);

  ports::Runtime& runtime_;
  Leader& leader_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

inline constexpr std::size_t changes_shown_max = 1000;
// At most changes_shown_max of them.
void show_changes(const std::vector<model::SpaceChange>& changes,
                  google::protobuf::RepeatedPtrField<v1::SpaceChange>* out);

}  // namespace zrms
