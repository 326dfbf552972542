// SPDX-License-Identifier: Apache-2.0
#include "sim/once_checker.h"

#include <algorithm>

#include "stdx/text.h"

namespace sim {

void OnceChecker::found(const Placement& self, std::uint64_t stored) {
  auto& seen = seen_[{self.topology, self.space}];
  if (stored < seen)
    violate_(stdx::format("data: {} {}/{} finds {} in its store, where {} was", self.space,
                          self.epoch, self.run, stored, seen));
  seen = std::max(seen, stored);
}

void OnceChecker::took(const Placement& self, std::uint64_t number, std::uint64_t stored,
                       bool flagged) {
  ++messages_;
  auto next = stored + 1;
  const auto buried = buried_.find({self.topology, self.space});
  while (number != next && buried != buried_.end() && buried->second.contains(next)) ++next;
  if (number != next)
    violate_(stdx::format("once: message {} came to {} {}/{}, where {} took effect last", number,
                          self.space, self.epoch, self.run, stored));
  if (flagged)
    violate_(stdx::format("once: message {} came to {} {}/{} flagged as a repeat", number,
                          self.space, self.epoch, self.run));
}

bool OnceChecker::flowing(const std::vector<Way>& ways, std::string* why) const {
  const auto at = [](const std::map<Space, std::uint64_t>& of, const Space& space) {
    const auto found = of.find(space);
    return found == of.end() ? std::uint64_t{0} : found->second;
  };
  for (const auto& way : ways) {
    const Space receiver{way.topology, way.to};
    if (!way.once || at(seen_, receiver) > at(marked_, receiver)) continue;
    if (why != nullptr)
      *why = stdx::format("flow: path {} to {} brings nothing new after message {}", way.path,
                          way.to, at(seen_, receiver));
    return false;
  }
  return true;
}

}  // namespace sim
