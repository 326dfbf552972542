// SPDX-License-Identifier: Apache-2.0
#include "zrms/local_report.h"

#include "zrms/reported_archives.h"

namespace zrms {

bool LocalReport::take(const v1::Snapshot& snapshot) {
  if (snapshot.counter() <= counter_ && incarnation_ == snapshot.incarnation()) return true;
  counter_ = snapshot.counter();
  incarnation_ = snapshot.incarnation();
  highest_term_ = snapshot.highest_term();
  if (snapshot.delta()) {
    if (!sequence_known_ || snapshot.sequence() != sequence_ + 1) {
      sequence_known_ = false;
      return false;
    }
    sequence_ = snapshot.sequence();
    for (const auto& floor : snapshot.floors()) {
      const Key key{floor.topology_id(), floor.space()};
      spaces_.erase(key);
      floors_[key] = floor.epoch();
      changed_.insert(key);
    }
    for (const auto& space : snapshot.spaces()) {
      const Key key{space.topology_id(), space.space()};
      floors_.erase(key);
      spaces_[key] = space;
      changed_.insert(key);
    }
    return true;
  }
  if (snapshot.children_only()) {
    sequence_known_ = sequence_known_ && snapshot.sequence() == sequence_;
    return sequence_known_;
  }
  spaces_.clear();
  floors_.clear();
  for (const auto& floor : snapshot.floors())
    floors_[{floor.topology_id(), floor.space()}] = floor.epoch();
  for (const auto& space : snapshot.spaces()) spaces_[{space.topology_id(), space.space()}] = space;
  sequence_ = snapshot.sequence();
  sequence_known_ = true;
  send_whole();
  return true;
}

void LocalReport::archives(std::vector<std::string> sha256) {
  if (sha256 == archives_) return;
  archives_ = std::move(sha256);
  archives_changed_ = true;
}

void LocalReport::send_to(const std::string& zhost) {
  if (zhost == to_) return;
  to_ = zhost;
  under_way_ = false;
  send_whole();
}

std::optional<v1::ResourceReport> LocalReport::next() {
  if (under_way_ || to_.empty() || !sequence_known_ || sent_ == counter_) return std::nullopt;
  v1::ResourceReport report;
  report.set_incarnation(incarnation_);
  report.set_counter(counter_);
  report.set_highest_term(highest_term_);
  report.set_base(base_);
  if (base_ == 0) {
    for (const auto& [key, space] : spaces_) *report.add_spaces() = space;
    for (const auto& [key, epoch] : floors_) describe(key, report);
  } else {
    for (const auto& key : changed_) describe(key, report);
  }
  if (base_ == 0 || archives_changed_)
    report_archives(archives_, report);
  else
    report.set_same_blobs(true);
  archives_changed_ = false;
  changed_.clear();
  sent_ = counter_;
  under_way_ = true;
  return report;
}

void LocalReport::describe(const Key& key, v1::ResourceReport& report) const {
  if (const auto space = spaces_.find(key); space != spaces_.end()) {
    *report.add_spaces() = space->second;
    return;
  }
  const auto known = floors_.find(key);
  if (known == floors_.end()) return;
  auto& floor = *report.add_floors();
  floor.set_topology_id(key.first);
  floor.set_space(key.second);
  floor.set_epoch(known->second);
}

void LocalReport::answered(Answer answer) {
  if (!under_way_) return;
  under_way_ = false;
  base_ = answer == Answer::taken ? sent_ : 0;
}

}  // namespace zrms
