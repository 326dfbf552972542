// SPDX-License-Identifier: Apache-2.0
#include "zrms/change_queue.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace zrms {
namespace {

// What topologies may not have in common: names, and HTTP routes, which begin with '/'.
void add_names(std::set<std::string>& names, const model::Topology& topology) {
  names.insert(topology.name);
  for (const auto& space : topology.spaces)
    if (!space.route.empty()) names.insert(space.route);
}
bool holds_one_of(const std::set<std::string>& names, const model::Topology& topology) {
  return names.contains(topology.name) ||
         std::any_of(topology.spaces.begin(), topology.spaces.end(), [&](const auto& space) {
           return !space.route.empty() && names.contains(space.route);
         });
}

}  // namespace

void ChangeQueue::add(Change make, Answer done) {
  if (asked_.size() >= asked_max)
    return done(stdx::fail(stdx::Code::full, "too many changes wait; try again"));
  asked_.push_back({std::move(make), std::move(done)});
}

bool ChangeQueue::fill(std::vector<RowChange>& changes, const Records& records) {
  std::set<std::pair<std::string, std::string>> rows;
  std::set<std::string> names;
  std::size_t bytes = 0;
  for (const auto& change : changes) {
    rows.insert({change.kind, change.key});
    bytes += bytes_of(change);
  }
  while (!asked_.empty()) {
    auto made = asked_.front().make(records);
    if (!made || made->empty()) {
      asked_.front().done(made ? stdx::Status() : std::unexpected(made.error()));
      asked_.pop_front();
      continue;
    }
    std::size_t more = 0;
    bool apart = changes.size() + made->size() <= batch_rows_max;
    for (const auto& change : *made) {
      more += bytes_of(change);
      apart = apart && !rows.contains({change.kind, change.key}) &&
              (change.kind != "topology" || !holds_one_of(names, change.text->spec));
    }
    if (!changes.empty() && (!apart || bytes + more > batch_bytes_max)) return true;
    bytes += more;
    for (auto& change : *made) {
      rows.insert({change.kind, change.key});
      if (change.kind == "topology") add_names(names, change.text->spec);
      changes.push_back(std::move(change));
    }
    answers_.push_back(std::move(asked_.front().done));
    asked_.pop_front();
  }
  return false;
}

std::vector<ChangeQueue::Answer> ChangeQueue::take_answers() {
  return std::exchange(answers_, {});
}

void ChangeQueue::refuse_all(const stdx::Error& why) {
  for (auto& done : std::exchange(answers_, {})) done(std::unexpected(why));
  for (auto& asked : std::exchange(asked_, {})) asked.done(std::unexpected(why));
}

}  // namespace zrms
