// SPDX-License-Identifier: Apache-2.0
#include "sim/checker.h"

#include <algorithm>

#include "stdx/text.h"

namespace sim {

using namespace std::chrono_literals;

void Checker::started(const Instance& i) {
  const Space space{i.topology, i.space};
  const Life life{space, i.epoch};
  const Home home{i.zhost, i.incarnation};
  const auto [at, first] = homes_.try_emplace(life, home);
  if (!first && at->second != home)
    violate(stdx::format("S1: epoch {} of {} starts on {}/{} and lived on {}/{}", i.epoch, i.space,
                         i.zhost, i.incarnation, at->second.first, at->second.second));
  if (over_.contains({home, life}))
    violate(stdx::format("P3/P4: epoch {} of {} starts again on {} after it was given up there",
                         i.epoch, i.space, i.zhost));
  lives_[home].insert(life);
}

void Checker::dispatches(const Instance& i) {
  started(i);
  auto& newest = newest_running_[{i.topology, i.space}];
  newest = std::max(newest, i.epoch);
}

void Checker::stopped_by_command(const Instance& i) {
  const Space space{i.topology, i.space};
  over_.insert({{i.zhost, i.incarnation}, {space, i.epoch}});
  if (ended_.contains(i.topology) || newest_running_[space] > i.epoch) return;
  violate(stdx::format("P8: epoch {} of {} on {} is stopped and no newer one ever ran", i.epoch,
                       i.space, i.zhost));
}

void Checker::zrun_given_up(const std::string& zhost, std::uint64_t incarnation) {
  const Home home{zhost, incarnation};
  for (const auto& life : lives_[home]) over_.insert({home, life});
}

void Checker::leaders(const std::set<std::string>& holders) {
  if (holders.size() > 1)
    violate(stdx::format("S3: {} and {} lead at the same time", *holders.begin(),
                         *std::next(holders.begin())));
}

void Checker::term_taken(std::uint64_t term, const std::string& holder) {
  const auto [at, first] = terms_.try_emplace(term, holder);
  if (!first && at->second != holder)
    violate(stdx::format("S3: term {} is taken by {} and {}", term, at->second, holder));
}

void Checker::space_placed(const std::string& topology, const std::string& space,
                           std::uint64_t epoch, const std::string& zhost) {
  auto& newest = newest_placed_[{topology, space}];
  if (epoch <= newest)
    violate(stdx::format("S2: {} is placed on {} with epoch {} after epoch {}", space, zhost, epoch,
                         newest));
  newest = std::max(newest, epoch);
}

void Checker::command_taken(const std::string& startz, std::uint64_t term) {
  auto& highest = command_terms_[startz];
  if (term < highest)
    violate(stdx::format("S4: {} takes a command of term {} after one of term {}", startz, term,
                         highest));
  highest = std::max(highest, term);
}

void Checker::beat_taken(const std::string& zrms, const std::string& zhost,
                         std::uint64_t incarnation, std::uint64_t counter) {
  auto& last = beats_[{zrms, zhost}];
  const auto now = std::make_pair(incarnation, counter);
  if (now <= last)
    violate(stdx::format("S13: {} takes beat {}/{} of {} after {}/{}", zrms, incarnation, counter,
                         zhost, last.first, last.second));
  last = std::max(last, now);
}

void Checker::zhost_dead(const std::string& judge, const std::string& zhost,
                         std::int64_t silence_ms, const std::string& evidence, stdx::Instant now) {
  if (evidence != "silence") return;
  const auto disturbed = [&](const std::string& party) {
    const auto at = disturbed_.find(party);
    return absent_.contains(party) || unregistered_.contains(party) ||
           (at != disturbed_.end() && now - at->second < timeout_ + 5s);
  };
  if (!disturbed(judge.substr(0, judge.find('/'))) && !disturbed(zhost))
    violate(
        stdx::format("S11: {} declares {} dead, which nothing kept from beating", judge, zhost));
  auto& deaths = deaths_[judge];
  deaths.push_back({now, silence_ms, zhost});
  // 5 s by the judge's clock, which may be 2 % fast.
  while (now - deaths.front().at > 4900ms) deaths.pop_front();
  std::set<std::string> distinct;
  for (const auto& death : deaths)
    if (death.silence_ms < stdx::to_ms(timeout_ + 10s)) distinct.insert(death.zhost);
  const auto hasty = distinct.size();
  if (zhosts_ >= 3 && hasty * 2 > zhosts_)
    violate(stdx::format("brake: {} evicts {} of {} zhosts within 5 s", judge, hasty, zhosts_));
}

}  // namespace sim
