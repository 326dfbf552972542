// SPDX-License-Identifier: Apache-2.0
#include "controlplane/copy_plan.h"

#include <algorithm>

namespace controlplane {
namespace {

bool same(const v1::RecordsKnown& a, const v1::RecordsKnown& b) {
  return a.lineage() == b.lineage() && a.counter() == b.counter() && a.term() == b.term();
}

}  // namespace

void CopyPlan::records_are(const v1::RecordsKnown& known, Time now) {
  if (same(known, now_)) return;
  now_ = known;
  if (!uncopied_since_ && !same(now_, copied_)) uncopied_since_ = now;
}

void CopyPlan::begin_round(const std::set<std::string>& linked) {
  refused_.clear();
  took_.clear();
  // What is gone for good is not remembered for ever.
  std::erase_if(former_, [&](const std::string& zhost) { return !linked.contains(zhost); });
}

std::string CopyPlan::next(const std::set<std::string>& linked) const {
  const bool newest = same(copied_, now_);
  const auto keeps = [&](const std::string& zhost) {
    return took_.contains(zhost) || (newest && holders_.contains(zhost));
  };
  if (static_cast<std::size_t>(std::count_if(linked.begin(), linked.end(), keeps)) >= zhosts_max_)
    return {};
  const auto wanted = [&](const std::string& zhost) {
    return !keeps(zhost) && !refused_.contains(zhost);
  };
  const auto again = std::find_if(linked.begin(), linked.end(), [&](const std::string& zhost) {
    return wanted(zhost) && (former_.contains(zhost) || holders_.contains(zhost));
  });
  if (again != linked.end()) return *again;
  const auto other = std::find_if(linked.begin(), linked.end(), wanted);
  return other == linked.end() ? std::string() : *other;
}

void CopyPlan::kept(const std::string& zhost, const v1::RecordsKnown& of, Time taken) {
  if (!same(of, copied_)) {
    copied_ = of;
    former_.merge(holders_);
    holders_.clear();
  }
  holders_.insert(zhost);
  took_.insert(zhost);
  newest_ = taken;
  if (same(of, now_))
    uncopied_since_.reset();
  else if (uncopied_since_ && uncopied_since_->now < taken.now)
    uncopied_since_ = taken;  // what changed since it was read
}

std::optional<stdx::WallTime> CopyPlan::overdue(stdx::Instant now) const {
  if (!uncopied_since_ || now - uncopied_since_->now <= overdue_after * interval_) return {};
  return uncopied_since_->wall;
}

}  // namespace controlplane
