// SPDX-License-Identifier: Apache-2.0
#include "sim/delivery_checker.h"

#include <algorithm>

#include "stdx/text.h"

namespace sim {

namespace {
std::string text(const Placement& p) {
  return stdx::format("{} {}/{}", p.space, p.epoch, p.run);
}
std::string text(const Stamp& s) {
  return stdx::format("message {} of {} on {}", s.number, text(s.sender), s.path);
}
}  // namespace

// --- told by guests ---

void DeliveryChecker::sending(const Stamp& stamp, const std::string& to, const Stamp& cause,
                              bool at_most_once) {
  const auto [at, fresh] = index_.try_emplace({stamp.sender, stamp.path}, streams_.size());
  if (fresh) streams_.push_back({stamp.sender, stamp.path, to, at_most_once, 0, 0, 0, {}});
  auto& stream = streams_[at->second];
  if (stream.fates.size() < stamp.number) stream.fates.resize(stamp.number);
  stream.fates[stamp.number - 1].sent_at = ++moment_;
  if (cause.number == 0) return;
  auto* caused = find(cause);
  if (caused != nullptr)
    caused->fates[cause.number - 1].effects.push_back({at->second, stamp.number});
}

void DeliveryChecker::sent(const Stamp& stamp) {
  if (auto* stream = find(stamp)) stream->sent = std::max(stream->sent, stamp.number);
}

void DeliveryChecker::received(const Placement& receiver, std::uint64_t guest,
                               const Arrival& arrival) {
  const auto& stamp = arrival.stamp;
  ++messages_;
  auto* stream = find(stamp);
  if (stream == nullptr)
    return violate_(
        stdx::format("S9: {} came to {} and was never sent", text(stamp), text(receiver)));
  // Where a newer version of the sender took its place, what the former one had not finished goes
  // on as the newer one's, and the numbers go on.
  if (arrival.path != stamp.path || arrival.sender != stamp.sender.space ||
      arrival.epoch < stamp.sender.epoch || arrival.number < stamp.number ||
      receiver.topology != stamp.sender.topology || receiver.space != stream->to)
    violate_(stdx::format("S9: {} came to {} as number {} of {} epoch {} on {}", text(stamp),
                          text(receiver), arrival.number, arrival.sender, arrival.epoch,
                          arrival.path));
  auto& fate = stream->fates[stamp.number - 1];
  const Age self{receiver.epoch, receiver.run};
  const auto again = [&](std::vector<Age>& before) {
    const bool known =
        std::any_of(before.begin(), before.end(), [&](const Age& age) { return age <= self; });
    before.push_back(self);
    return known;
  };
  if (stream->at_most_once && !fate.taken_by.empty())
    violate_(stdx::format("S8: {} came to {} twice", text(stamp), text(receiver)));
  if (again(fate.taken_by) && !arrival.marked)
    violate_(
        stdx::format("S7: {} came to {} again and is not marked", text(stamp), text(receiver)));
  stream->newest_received = std::max(stream->newest_received, stamp.number);
  const auto origin = stdx::format("{} {} {}", text(arrival.origin.sender), arrival.origin.path,
                                   arrival.origin.number);
  if (again(origins_[{receiver.topology + stamp.path, origin}]) && !arrival.marked &&
      !arrival.origin_marked)
    violate_(stdx::format("S7: {} came to {} again, as {}, and is not marked", text(arrival.origin),
                          text(receiver), text(stamp)));
  check_order(receiver, guest, index_.at({stamp.sender, stamp.path}), arrival);
}

void DeliveryChecker::check_order(const Placement& receiver, std::uint64_t guest, std::size_t index,
                                  const Arrival& arrival) {
  const auto& stamp = arrival.stamp;
  const auto& stream = streams_[index];
  auto& last = last_[{receiver, guest, index}];
  if (stamp.number <= last)
    violate_(stdx::format("S6: {} came to {} after number {}", text(stamp), text(receiver), last));
  last = std::max(last, stamp.number);
  if (!stream.at_most_once && stamp.number > 1 &&
      stream.fates[stamp.number - 2].finished_by.empty())
    violate_(stdx::format("S6: {} came to {} and the one before it was never finished", text(stamp),
                          text(receiver)));
  // What was handed over to a newer version comes before all that that one sends.
  const bool handed_over = arrival.epoch > stamp.sender.epoch;
  const Age sender{arrival.epoch, handed_over ? 0 : stamp.sender.run};
  const Age self{receiver.epoch, receiver.run};
  const auto first = newest_.lower_bound({receiver.topology, stamp.path, {}});
  for (auto at = first; at != newest_.end(); ++at) {
    const auto& [topology, path, other] = at->first;
    if (topology != receiver.topology || path != stamp.path || other > self) break;
    // Between placements the epoch counts: frames of a run that died may still be on their way.
    const bool older = other == self ? sender < at->second : sender.first < at->second.first;
    if (older)
      violate_(stdx::format("S1: {} came to {} after {}/{} took epoch {}", text(stamp),
                            text(receiver), other.first, other.second, at->second.first));
  }
  auto& newest = newest_[{receiver.topology, stamp.path, self}];
  newest = std::max(newest, sender);
}

void DeliveryChecker::finished(const Placement& receiver, const Stamp& stamp) {
  if (auto* stream = find(stamp)) stream->fates[stamp.number - 1].finished_by.push_back(receiver);
}

void DeliveryChecker::data_found(const Placement& owner, std::uint64_t count) {
  const auto& data = data_[{owner.topology, owner.space}];
  if (data.removed) return;
  if (count < data.confirmed || count > data.tried)
    violate_(stdx::format("data: {} finds {} writes; {} were confirmed and {} tried", text(owner),
                          count, data.confirmed, data.tried));
}

void DeliveryChecker::putting(const Placement& owner, std::uint64_t count) {
  auto& data = data_[{owner.topology, owner.space}];
  data.tried = std::max(data.tried, count);
}

void DeliveryChecker::put(const Placement& owner, std::uint64_t count) {
  auto& data = data_[{owner.topology, owner.space}];
  data.confirmed = std::max(data.confirmed, count);
}

// --- told by the cluster ---

void DeliveryChecker::gone(const Placement& placement) {
  if (!gone_.try_emplace(placement, ++moment_).second) return;
  deaths_[{placement.topology, placement.space}].push_back(moment_);
}

void DeliveryChecker::data_removed(const std::string& topology, const std::string& space) {
  data_[{topology, space}].removed = true;
}

std::uint64_t DeliveryChecker::newest_taken(const Way& way) const {
  std::uint64_t newest = 0;
  for (auto at = newest_.lower_bound({way.topology, way.path, {}});
       at != newest_.end() && std::get<0>(at->first) == way.topology &&
       std::get<1>(at->first) == way.path;
       ++at)
    newest = std::max(newest, at->second.first);
  return newest;
}

// --- after healing ---

void DeliveryChecker::mark() {
  for (auto& stream : streams_) stream.marked = stream.sent;
}

bool DeliveryChecker::flowing(const std::vector<Way>& ways, std::string* why) const {
  const auto say = [&](std::string what) {
    if (why != nullptr) *why = std::move(what);
    return false;
  };
  for (const auto& way : ways) {
    if (way.once) continue;
    bool any = false;
    for (const auto& stream : streams_) {
      if (stream.sender.topology != way.topology || stream.sender.space != way.from ||
          stream.path != way.path || gone_.contains(stream.sender))
        continue;
      any = true;
      const auto name = stdx::format("path {} of {} to {}", way.path, text(stream.sender), way.to);
      if (stream.newest_received <= stream.marked)
        return say(stdx::format("flow: {} brings nothing new: {} of {} came", name,
                                stream.newest_received, stream.sent));
      if (stream.at_most_once) continue;
      for (std::uint64_t number = 1; number <= stream.marked; ++number)
        if (!arrived(stream, number))
          return say(stdx::format("S7: {} lost number {} of {}", name, number, stream.marked));
    }
    if (!any)
      return say(stdx::format("flow: nobody ever sent on path {} from {}", way.path, way.from));
  }
  return true;
}

// Finished, and what the turn sent arrived, too, or is excused.
bool DeliveryChecker::arrived(const Stream& stream, std::uint64_t number) const {
  const auto& fate = stream.fates[number - 1];
  return std::any_of(
      fate.finished_by.begin(), fate.finished_by.end(), [&](const Placement& receiver) {
        std::map<std::size_t, bool> paths;  // a turn that trapped sent more than one on a path
        for (const auto& effect : fate.effects) {
          const auto& next = streams_[effect.stream];
          if (next.sender != receiver || next.at_most_once) continue;
          paths[effect.stream] |=
              arrived(next, effect.number) || excused(next, next.fates[effect.number - 1]);
        }
        return std::all_of(paths.begin(), paths.end(), [](const auto& p) { return p.second; });
      });
}

// Its sender is gone, and a placement of its receiver went while it may have held it.
bool DeliveryChecker::excused(const Stream& stream, const Fate& fate) const {
  if (!gone_.contains(stream.sender)) return false;
  const auto at = deaths_.find({stream.sender.topology, stream.to});
  return at != deaths_.end() && !at->second.empty() && at->second.back() > fate.sent_at;
}

DeliveryChecker::Stream* DeliveryChecker::find(const Stamp& stamp) {
  const auto at = index_.find({stamp.sender, stamp.path});
  if (at == index_.end() || stamp.number == 0) return nullptr;
  auto& stream = streams_[at->second];
  return stamp.number > stream.fates.size() ? nullptr : &stream;
}

}  // namespace sim
