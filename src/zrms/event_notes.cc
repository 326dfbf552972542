// SPDX-License-Identifier: Apache-2.0
#include "zrms/event_notes.h"

#include <map>
#include <tuple>
#include <utility>

#include "stdx/text.h"
#include "wire/states.h"

namespace zrms {
namespace {

constexpr int spaces_named = 5;
constexpr std::size_t why_max = 300;

// What happened to a space, by its row before and after; empty: nothing that is told.
std::string what_of(const v1::SpaceRecord* before, const v1::SpaceRecord& after) {
  const bool was_placed = before != nullptr && !before->tombstone() &&
                          wire::state_of(*before) != wire::SpaceRowState::stopped;
  if (before == nullptr || before->epoch() != after.epoch()) {
    if (!was_placed) return "placed";
    return before->zhost() == after.zhost() ? "restarted" : "moved";
  }
  return before->state() == after.state() ? "" : after.state();
}

std::string what_of(const v1::TopologyRecord* before, const v1::TopologyRecord& after) {
  if (before == nullptr) return "submitted";
  if (before->desired() != after.desired())
    return after.desired() == v1::DESIRED_RUNNING   ? "start asked"
           : after.desired() == v1::DESIRED_STOPPED ? "stop asked"
                                                    : "delete asked";
  return before->state() == after.state() ? "" : after.state();
}

// "update", "rollback", "restart" or "delete", by the history of the version that it brings.
const char* kind_of(const v1::TopologyRecord& record) {
  const auto last =
      record.history_size() > 0 ? record.history(record.history_size() - 1).what() : std::string();
  return last.starts_with("restart")    ? "restart"
         : last.starts_with("rollback") ? "rollback"
         : last.starts_with("delete")   ? "delete"
                                        : "update";
}

// What happened to the update of a topology: the event and why; empty where nothing did.
std::pair<std::string, std::string> update_of(const v1::TopologyRecord* before,
                                              const v1::TopologyRecord& after) {
  const auto& update = after.update();
  if (before == nullptr || update.to() == 0 ||
      (before->update().state() == update.state() && before->update().to() == update.to()))
    return {};
  const std::string kind = kind_of(after);
  const auto step = stdx::format("version {} to {}", update.from(), update.to());
  switch (update.state()) {
    case v1::UPDATE_ROLLING:
      return {kind == "restart" ? "restart asked" : kind + " begun", step};
    case v1::UPDATE_ROLLING_BACK:
      return {"rolling back",
              stdx::format("version {} failed: {}", update.from(), update.reason())};
    case v1::UPDATE_ROLLED_BACK:
      return {"rolled back",
              stdx::format("version {} failed; version {} is the one before it again",
                           update.from(), update.to())};
    default:
      if (kind == "delete") return {"deleted", "its data is kept until `topo purge`"};
      return {kind + " done", update.reason().empty() ? step : step + "; " + update.reason()};
  }
}

class Notes {
 public:
  explicit Notes(const Records& before) : before_(before) {}

  void space(const RowChange& change) {
    const auto& after = change.space;
    if (change.remove || after.tombstone()) return;  // that of its topology tells
    const auto* row = before_.space(after.topology_id(), after.space());
    const auto* before = row == nullptr ? nullptr : &row->record;
    const auto what = what_of(before, after);
    if (what.empty()) return;
    const auto why = what == "running" || what == "stopped" ? "" : after.reason();
    const auto from = what == "moved" ? before->zhost() : "";
    const auto [at, first] = groups_.try_emplace({after.topology_id(), what, why}, events_.size());
    if (first) {
      v1::Event event;
      event.set_topology_id(after.topology_id());
      event.set_what(what);
      event.set_why(stdx::shortened(why, why_max));
      event.set_zhost(after.zhost());
      event.set_from_zhost(from);
      event.set_epoch(after.epoch());
      name(event);
      events_.push_back(std::move(event));
    }
    auto& event = events_[at->second];
    event.set_count(event.count() + 1);
    if (event.spaces_size() < spaces_named) event.add_spaces(after.space());
    if (event.count() > 1) event.clear_epoch();
    if (event.zhost() != after.zhost()) event.clear_zhost();
    if (event.from_zhost() != from) event.clear_from_zhost();
  }
  void topology(const RowChange& change) {
    const auto& after = change.topology;
    const auto* row = before_.topology(after.id());
    const auto what =
        change.remove ? "deleted" : what_of(row == nullptr ? nullptr : &row->record, after);
    if (!change.remove && row != nullptr) {
      const auto [done, why] = update_of(&row->record, after);
      topology(change, done, why);
    }
    topology(change, what, change.remove ? "" : after.reason());
  }
  void token(const RowChange& change) {
    const auto& after = change.token;
    const bool is_new = !before_.tokens().contains(after.id());
    const bool revoked = !after.revoked().empty();
    if (change.remove || (!is_new && !revoked)) return;
    v1::Event event;
    event.set_what(revoked ? "token revoked" : "token made");
    event.set_by(revoked ? after.revoked_by() : after.made_by());
    auto why = stdx::format("{}, role {}", after.id(), after.role().empty() ? "?" : after.role());
    if (!after.topology().empty()) why += " of topology " + after.topology();
    if (!after.note().empty()) why += stdx::format(", '{}'", after.note());
    event.set_why(stdx::shortened(why, why_max));
    events_.push_back(std::move(event));
  }
  std::vector<v1::Event> take() { return std::move(events_); }

 private:
  void topology(const RowChange& change, const std::string& what, const std::string& why) {
    if (what.empty()) return;
    v1::Event event;
    event.set_topology_id(change.topology.id());
    event.set_topology(change.text->spec.name);
    event.set_by(change.by);
    event.set_what(what);
    event.set_why(stdx::shortened(why, why_max));
    events_.push_back(std::move(event));
  }
  void name(v1::Event& event) const {
    if (const auto* row = before_.topology(event.topology_id()))
      event.set_topology(row->spec().name);
  }

  const Records& before_;
  std::vector<v1::Event> events_;
  std::map<std::tuple<std::string, std::string, std::string>, std::size_t> groups_;
};

}  // namespace

std::vector<v1::Event> events_of(const Records& before, const std::vector<RowChange>& changes) {
  Notes notes(before);
  for (const auto& change : changes)
    if (change.kind == "topology") notes.topology(change);
  for (const auto& change : changes)
    if (change.kind == "space") notes.space(change);
  for (const auto& change : changes)
    if (change.kind == "token") notes.token(change);
  return notes.take();
}

}  // namespace zrms
