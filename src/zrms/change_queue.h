// SPDX-License-Identifier: Apache-2.0
#pragma once

// Operators' changes of rows that wait for the leader's next batch. They are made when their batch
// is next, from the rows as they are then, so no version is old; what one of them refuses is its
// answer. At most asked_max wait; one more is refused with Code::full.
//
// Pure but for the callbacks; it belongs to the loop of its zrms.

#include <deque>
#include <functional>
#include <vector>

#include "stdx/result.h"
#include "zrms/records.h"

namespace zrms {

class ChangeQueue {
 public:
  // An empty change is done already.
  using Change = std::function<stdx::Result<std::vector<RowChange>>(const Records&)>;
  using Answer = std::function<void(stdx::Status)>;
  static constexpr std::size_t asked_max = 1000;
  static constexpr std::size_t batch_rows_max = 1000;  // ports::Store::batch_changes_max

  // Answers when the change is committed or refused.
  void add(Change make, Answer done);
  // Adds those changes that fit into the batch. Each sees the rows as they are, so one that touches
  // a row, a name or a route of this batch waits for the next. True where some wait.
  bool fill(std::vector<RowChange>& batch, const Records& records);
  // Of what `fill` added since the last call: whoever writes the batch calls them.
  std::vector<Answer> take_answers();
  // Answers everything that waits with `why`.
  void refuse_all(const stdx::Error& why);

 private:
  struct Asked {
    Change make;
    Answer done;
  };
  std::deque<Asked> asked_;
  std::vector<Answer> answers_;
};

}  // namespace zrms
