// SPDX-License-Identifier: Apache-2.0
#include "sim/outside_checker.h"

#include "stdx/text.h"

namespace sim {

void OutsideChecker::took(const Placement& self, const std::string& id, bool flagged) {
  if (!taken_.insert({self, id}).second && !flagged)
    violate_(stdx::format("outside: {} {}/{} takes message '{}' a second time as if it were new",
                          self.space, self.epoch, self.run, id));
}

void OutsideChecker::answers(const Placement& self, const std::string& id,
                             const std::string& answer) {
  answers_[answer] = {self, id};
}

void OutsideChecker::heard(const std::string& id, const std::string& answer) {
  ++heard_;
  const auto at = answers_.find(answer);
  if (at == answers_.end() || at->second.second != id)
    return violate_(stdx::format(
        "outside: a caller with the id '{}' hears '{}', which is no answer to it", id, answer));
  const auto [first, is_first] = heard_first_.try_emplace(at->second, answer);
  if (!is_first && first->second != answer)
    violate_(stdx::format("outside: callers with the id '{}' hear '{}' and '{}' of one instance",
                          id, first->second, answer));
}

}  // namespace sim
