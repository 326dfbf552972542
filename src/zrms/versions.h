// SPDX-License-Identifier: Apache-2.0
#pragma once

// The versions of a topology as rows: what an update, a rollback or a restart writes. Pure.
//
// The row of the topology has the present version. A former one is a row of its own, written before
// the topology changes, so that it can come back; versions_kept of them are.

#include <string>
#include <vector>

#include "model/topology_update.h"
#include "zrms/records.h"

namespace zrms {

inline constexpr std::size_t versions_kept = 5;
inline constexpr int history_kept = 20;

struct NextVersion {
  model::Updated updated;
  std::string mex_sha256;  // of the topology; empty: each space has its own
  std::string what;        // for the history: "update"
  std::string by;
  v1::UpdateState state = v1::UPDATE_ROLLING;
  std::string reason;  // why it is rolled back
};

// The row of the topology in its next version, without its text.
v1::TopologyRecord next_record(const TopologyRow& row, const NextVersion& next,
                               const std::string& now_text);
// What keeps the present version; nothing where it is kept already.
std::vector<RowChange> keep_present(const Records& records, const TopologyRow& row);
// The rows of versions that are too old to be kept, once the topology is at `version`.
std::vector<RowChange> drop_oldest(const Records& records, const std::string& topology);
// As it would be written in a history, of a topology's first version.
v1::VersionSummary summary_of(const model::Topology& spec, const std::string& mex_sha256,
                              const std::string& at, const std::string& what,
                              const std::string& by);

// A former version as the next one. Code::not_found where it is not kept.
stdx::Result<NextVersion> back_to(const Records& records, const TopologyRow& row,
                                  std::uint64_t version);

// Spaces are being replaced, forwards or back.
bool update_goes_on(const v1::TopologyRecord& record);

// A topology that was deleted and whose data was kept: all its spaces are removed.
bool is_kept_data(const model::Topology& topology);
stdx::Error only_data(const std::string& topology);

// "1.2.0", or "1.0.0, 1.2.0" where the spaces are of several MEX.
std::string mex_version_of(const model::Topology& topology);

}  // namespace zrms
