// SPDX-License-Identifier: Apache-2.0
#include "zrms/event_log.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "stdx/text.h"
#include "wire/frame.h"

namespace zrms {

using stdx::Code;

namespace {
// After so many events the numbers of a term run on into those of the next.
constexpr int term_shift = 24;
constexpr std::size_t removals_max = 200;
}  // namespace

std::string EventLog::scope_of(const v1::Event& event) {
  return event.topology_id().empty() ? of_cluster : event.topology_id();
}

std::string EventLog::key_of(const Place& place) {
  return stdx::format("{}/{:020}", place.first, place.second);
}

void EventLog::begin(std::uint64_t term) {
  next_ = std::max(next_, (term << term_shift) + 1);
}

void EventLog::put(const std::string& scope, Row row) {
  if (row.events.empty()) return;
  const Place place(scope, row.events.front().number());
  erase(place);
  next_ = std::max(next_, row.events.back().number() + 1);
  counts_[scope] += row.events.size();
  count_ += row.events.size();
  order_.insert({row.events.back().number(), place});
  rows_[place] = std::move(row);
}

void EventLog::erase(const Place& place) {
  const auto at = rows_.find(place);
  if (at == rows_.end()) return;
  const auto events = at->second.events.size();
  count_ -= events;
  if ((counts_[place.first] -= events) == 0) counts_.erase(place.first);
  order_.erase({at->second.events.back().number(), place});
  rows_.erase(at);
}

EventReader EventLog::reader() const {
  return EventReader(options_);
}

bool EventReader::step(const v1::RecordsReply& records) {
  // Rows of other kinds cost a look: many of them are one event's work.
  constexpr std::size_t looks_like_an_event = 20;
  std::size_t looks = 0;
  const auto enough = log_.count_ + events_at_once;
  for (; at_ < records.records_size() && log_.count_ + looks / looks_like_an_event < enough;
       ++at_) {
    const auto& record = records.records(at_);
    ++looks;
    if (record.kind() != EventLog::kind) continue;
    auto block = wire::parse<v1::EventBlock>(record.value());
    if (!block || block->events_size() == 0) continue;
    const auto scope = EventLog::scope_of(block->events(0));
    log_.put(scope, {{std::make_move_iterator(block->mutable_events()->begin()),
                      std::make_move_iterator(block->mutable_events()->end())},
                     record.version()});
  }
  return at_ < records.records_size();
}

bool EventReader::discard() {
  for (std::size_t events = 0; events < events_at_once && !log_.rows_.empty();) {
    events += log_.rows_.begin()->second.events.size();
    log_.rows_.erase(log_.rows_.begin());
  }
  return !log_.rows_.empty();
}

void EventLog::load(EventReader& read) {
  rows_.swap(read.log_.rows_);
  order_.swap(read.log_.order_);
  counts_.swap(read.log_.counts_);
  count_ = read.log_.count_;
  next_ = std::max(next_, read.log_.next_);
  // Of a batch whose answer did not come: it is there, or the same is asked for again.
  std::erase_if(written_, [&](const auto& written) { return rows_.contains(written.first); });
  removed_.clear();
  ++batch_;
  writing_ = false;
  uncertain_ = !written_.empty();
}

void EventLog::note(v1::Event event) {
  const auto scope = scope_of(event);
  // Where something else of it happened in between, it is told in its order.
  const auto last = std::find_if(pending_.rbegin(), pending_.rend(),
                                 [&](const v1::Event& other) { return scope_of(other) == scope; });
  if (last != pending_.rend() && event.count() > 0 && last->count() > 0 &&
      last->what() == event.what() && last->why() == event.why()) {
    last->set_count(last->count() + event.count());
    for (const auto& space : event.spaces())
      if (last->spaces_size() < static_cast<int>(options_.spaces_named)) last->add_spaces(space);
    if (last->zhost() != event.zhost()) last->clear_zhost();
    if (last->from_zhost() != event.from_zhost()) last->clear_from_zhost();
    last->clear_epoch();
    return;
  }
  event.set_number(next_++);
  pending_.push_back(std::move(event));
  if (pending_.size() <= options_.pending_max) return;
  pending_.pop_front();
  ++dropped_;
}

void EventLog::told(const v1::EventsTold& news) {
  std::set<std::string> scopes;
  for (const auto& event : news.events()) {
    put(scope_of(event), {{event}, 0});
    scopes.insert(scope_of(event));
  }
  for (const auto& place : over_bounds(scopes)) erase(place);
}

std::vector<EventLog::Place> EventLog::over_bounds(const std::set<std::string>& scopes) const {
  std::set<Place> over;
  std::size_t gone = 0;
  const auto take = [&](const Place& place) {
    if (over.insert(place).second) gone += rows_.at(place).events.size();
    return over.size() < removals_max;
  };
  for (const auto& scope : scopes) {
    const auto most = scope == of_cluster ? options_.cluster_max : options_.topology_max;
    const auto at = counts_.find(scope);
    auto count = at == counts_.end() ? 0 : at->second;
    for (const auto& [place, row] : written_)
      if (place.first == scope) count += row.events.size();
    for (auto row = rows_.lower_bound({scope, 0});
         count > most && row != rows_.end() && row->first.first == scope; ++row) {
      count -= row->second.events.size();
      if (!take(row->first)) break;
    }
  }
  for (auto at = order_.begin(); at != order_.end() && count_ > options_.all_max + gone; ++at)
    if (!take(at->second)) break;
  return {over.begin(), over.end()};
}

v1::CommitRequest EventLog::next_write() {
  writing_ = true;
  ++batch_;
  if (written_.empty()) {
    std::map<std::string, Row> by_scope;
    for (std::size_t i = 0; i < options_.write_max && !pending_.empty(); ++i) {
      const auto scope = scope_of(pending_.front());
      by_scope[scope].events.push_back(std::move(pending_.front()));
      pending_.pop_front();
    }
    for (auto& [scope, row] : by_scope) {
      const Place place(scope, row.events.front().number());
      row.version = 1;
      written_[place] = std::move(row);
    }
    std::set<std::string> scopes;
    for (const auto& [place, row] : written_) scopes.insert(place.first);
    removed_ = over_bounds(scopes);
  }
  v1::CommitRequest request;
  for (const auto& [place, row] : written_) {
    auto& change = *request.add_changes();
    change.set_kind(kind);
    change.set_key(key_of(place));
    v1::EventBlock block;
    block.mutable_events()->Assign(row.events.begin(), row.events.end());
    change.set_value(block.SerializeAsString());
  }
  for (const auto& place : removed_) {
    auto& change = *request.add_changes();
    change.set_kind(kind);
    change.set_key(key_of(place));
    const auto row = rows_.find(place);
    change.set_expected_version(row == rows_.end() ? 1 : row->second.version);
    change.set_remove(true);
  }
  return request;
}

std::vector<v1::Event> EventLog::answered(const stdx::Status& answer) {
  writing_ = false;
  const bool conflict = !answer && answer.error().code == Code::conflict;
  // A row that the batch was to remove is gone: a batch removed it whose answer came too late. The
  // same events go again, without removals.
  if (conflict && !removed_.empty()) {
    for (const auto& place : std::exchange(removed_, {})) erase(place);
    return {};
  }
  // Who does not know what became of it asks for the same again: a conflict then says that it is
  // there.
  const bool there = answer || (uncertain_ && conflict);
  if (!there && !conflict) {
    uncertain_ = true;
    return {};
  }
  uncertain_ = false;
  std::vector<v1::Event> events;
  for (auto& [place, row] : written_) {
    if (there)
      events.insert(events.end(), row.events.begin(), row.events.end());
    else
      dropped_ += row.events.size();  // the rows are not what this leader thought they were
    if (there) put(place.first, std::move(row));
  }
  for (const auto& place : removed_) erase(place);
  written_.clear();
  removed_.clear();
  return events;
}

// Those that `list` may need, and few more: what comes again and again costs what is new.
void EventLog::visit_rows(const std::string& scope, std::uint64_t after, std::size_t limit,
                          const Visit& visit) const {
  const auto each = [&](const Row& row) {
    for (const auto& event : row.events) visit(event);
  };
  if (!scope.empty()) {
    for (auto row = rows_.lower_bound({scope, 0}); row != rows_.end() && row->first.first == scope;
         ++row)
      each(row->second);
    return;
  }
  if (after > 0) {
    for (auto at = order_.lower_bound({after + 1, {}}); at != order_.end(); ++at)
      each(rows_.at(at->second));
    return;
  }
  // Rows of one batch, write_max events together, may be interleaved; those of others are not.
  std::size_t count = 0;
  for (auto at = order_.rbegin(); at != order_.rend() && count < limit + options_.write_max; ++at) {
    const auto& row = rows_.at(at->second);
    each(row);
    count += row.events.size();
  }
}

std::vector<v1::Event> EventLog::list(const std::string& scope, std::uint64_t after,
                                      std::size_t limit) const {
  std::vector<const v1::Event*> found;
  const auto take = [&](const v1::Event& event) {
    if (event.number() > after && (scope.empty() || scope_of(event) == scope))
      found.push_back(&event);
  };
  visit_rows(scope, after, limit, take);
  for (const auto& [place, row] : written_)
    for (const auto& event : row.events) take(event);
  for (const auto& event : pending_) take(event);
  std::sort(found.begin(), found.end(),
            [](const v1::Event* a, const v1::Event* b) { return a->number() < b->number(); });
  if (found.size() > limit) {
    if (after > 0)
      found.resize(limit);
    else
      found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(limit));
  }
  std::vector<v1::Event> events;
  for (const auto* event : found) events.push_back(*event);
  return events;
}

std::string EventLog::topology_named(const std::string& name) const {
  std::string id;
  std::uint64_t newest = 0;
  const auto look = [&](const v1::Event& event) {
    if (event.topology() != name || event.number() < newest) return;
    newest = event.number();
    id = event.topology_id();
  };
  for (const auto& [place, row] : rows_) look(row.events.back());
  for (const auto& [place, row] : written_) look(row.events.back());
  for (const auto& event : pending_) look(event);
  return id;
}

}  // namespace zrms
