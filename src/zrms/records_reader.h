// SPDX-License-Identifier: Apache-2.0
#pragma once

// Makes Records of what the database gave, in parts, so that a leader that begins its session does
// not hold its loop for as long as all of it takes. A part is one step of one large row, or
// rows_at_once small ones.

#include <set>

#include "zrms/records.h"

namespace zrms {

class RecordsReader {
 public:
  static constexpr int rows_at_once = 500;

  explicit RecordsReader(v1::RecordsReply reply);
  // True where there is more to do.
  bool step();
  const v1::RecordsReply& rows() const { return reply_; }
  // Once step() gave false. Its ChangeLog has nothing to tell.
  Records take() { return std::move(records_); }

 private:
  enum class Pass { topologies, others, done };
  void topology(const v1::Record& row);
  void version(const v1::Record& row);
  void space(const v1::Record& row);
  void token(const v1::Record& row);
  void unreadable(const v1::Record& row) {
    records_.unreadable_.insert(row.kind() + "/" + row.key());
  }

  v1::RecordsReply reply_;
  Pass pass_ = Pass::topologies;
  int at_ = 0;
  // Of a topology: what a step left for the next one.
  std::optional<v1::TopologyRecord> parsed_;
  std::optional<model::Topology> spec_;
  Records records_;
};

}  // namespace zrms
