// SPDX-License-Identifier: Apache-2.0
#pragma once

// The archives in a zhost's report, in order of their hashes. A report goes in one frame, beside up
// to Gatekeeper::floors_max spaces, so a zhost that holds more archives names only the first
// reported_archives_max. A list of that length may have been cut: it says nothing of what sorts
// after its last entry, and nobody may conclude from it that such an archive is lost. Pure.

#include <algorithm>
#include <string>
#include <vector>

#include "samoza/v1/cluster.pb.h"

namespace zrms {

namespace v1 = samoza::v1;

inline constexpr int reported_archives_max = 8000;

// `archives` sorted, as ports::BlobStore gives them.
inline void report_archives(const std::vector<std::string>& archives, v1::ResourceReport& report) {
  report.clear_blobs();
  for (const auto& sha256 : archives) {
    if (report.blobs_size() == reported_archives_max) return;
    report.add_blobs(sha256);
  }
}

inline bool reports_held(const v1::ResourceReport& report, const std::string& sha256) {
  return std::binary_search(report.blobs().begin(), report.blobs().end(), sha256);
}

// Not the opposite of reports_held: of what a cut list cannot tell neither is true.
inline bool reports_missing(const v1::ResourceReport& report, const std::string& sha256) {
  const auto& blobs = report.blobs();
  const bool beyond = blobs.size() >= reported_archives_max && sha256 > *blobs.rbegin();
  return !beyond && !reports_held(report, sha256);
}

}  // namespace zrms
