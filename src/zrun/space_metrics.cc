// SPDX-License-Identifier: Apache-2.0
#include "zrun/space_metrics.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "stdx/text.h"

namespace zrun {
namespace {

using Family = ports::Metrics::Family;
using Kind = ports::Metrics::Kind;
using ports::Labels;

constexpr const char* others = "other";

double seconds(std::int64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

// A family with one series for each of the first `max`, and one for all the others together.
class Series {
 public:
  Series(const char* name, const char* help, Kind kind, Labels rest, std::size_t max)
      : family_{name, help, kind, {}}, rest_{std::move(rest), 0, {}}, max_(max) {}

  void add(const Labels& labels, double value) {
    if (family_.samples.size() < max_) {
      family_.samples.push_back({labels, value, {}});
      return;
    }
    rest_.value += value;
    folded_ = true;
  }
  void add(const Labels& labels, const WaitTimes& times) {
    if (family_.samples.size() < max_) {
      family_.samples.push_back({labels, seconds(times.sum_ns), times.counts});
      return;
    }
    rest_.value += seconds(times.sum_ns);
    for (std::size_t i = 0; i < rest_.counts.size(); ++i) rest_.counts[i] += times.counts[i];
    folded_ = true;
  }
  void append_to(std::vector<Family>& out) && {
    if (folded_) family_.samples.push_back(std::move(rest_));
    out.push_back(std::move(family_));
  }

 private:
  Family family_;
  ports::Metrics::Sample rest_;
  std::size_t max_;
  bool folded_ = false;
};

std::size_t past(std::size_t count, std::size_t max) {
  return count - std::min(count, max);
}

void add_spaces(const std::vector<const Space*>& spaces, const MetricBounds& bounds,
                std::vector<Family>& out) {
  const auto make = [&](const char* name, const char* help, Kind kind) {
    return Series(name, help, kind, {{"topology", others}, {"space", others}}, bounds.spaces_max);
  };
  auto accepted = make("samoza_zrun_space_messages_accepted_total",
                       "Messages taken into the mailbox of a space", Kind::counter);
  auto finished = make("samoza_zrun_space_messages_finished_total",
                       "Messages that a space has handled", Kind::counter);
  auto repeated = make("samoza_zrun_space_messages_repeated_total",
                       "Messages taken in that may have been handled before", Kind::counter);
  auto dead = make("samoza_zrun_space_messages_dead_total",
                   "Messages of a space that became dead letters", Kind::counter);
  auto restarts = make("samoza_zrun_space_restarts_total",
                       "Starts of a space after it failed, of all its instances", Kind::counter);
  auto ran = make("samoza_zrun_space_run_seconds_total", "Time that the guest of a space ran",
                  Kind::counter);
  auto mailbox =
      make("samoza_zrun_space_mailbox_messages", "Messages in the mailbox of a space", Kind::gauge);
  auto memory = make("samoza_zrun_space_memory_bytes", "Linear memory of a space", Kind::gauge);
  auto waits =
      Series("samoza_zrun_space_wait_seconds", "From the mailbox's taking a message to the guest's",
             Kind::histogram, {{"topology", others}, {"space", others}}, bounds.waits_max);
  Family info{
      "samoza_zrun_space_info", "What a space is and how it is, 1 for each", Kind::gauge, {}};
  for (const auto* space : spaces) {
    const Labels labels{{"topology", space->topology().spec().name}, {"space", space->spec().name}};
    const auto& counts = space->counts();
    const auto as_double = [](auto n) { return static_cast<double>(n); };
    accepted.add(labels, as_double(counts.accepted));
    finished.add(labels, as_double(counts.finished));
    repeated.add(labels, as_double(counts.repeated));
    dead.add(labels, as_double(counts.dead));
    restarts.add(labels, as_double(space->all_restarts()));
    ran.add(labels, seconds(space->ran_for().count()));
    mailbox.add(labels, as_double(space->mailbox_size()));
    memory.add(labels, as_double(space->memory_bytes()));
    waits.add(labels, space->wait_times());
    if (info.samples.size() >= bounds.spaces_max) continue;
    auto all = labels;
    all.emplace_back("type", model::to_string(space->spec().type));
    all.emplace_back("state", to_string(space->state()));
    all.emplace_back("mex_version", space->spec().mex_version);
    all.emplace_back("version", stdx::format("{}", space->version()));
    info.samples.push_back({std::move(all), 1, {}});
  }
  for (auto* series :
       {&accepted, &finished, &repeated, &dead, &restarts, &ran, &mailbox, &memory, &waits})
    std::move(*series).append_to(out);
  out.push_back(std::move(info));
}

// Of paths whose receiver is here. Gives how many there are.
std::size_t add_paths(const std::vector<const Space*>& spaces, const MetricBounds& bounds,
                      std::vector<Family>& out) {
  const auto make = [&](const char* name, const char* help) {
    return Series(name, help, Kind::counter, {{"topology", others}, {"path", others}},
                  bounds.paths_max);
  };
  auto accepted = make("samoza_zrun_path_messages_accepted_total",
                       "Messages of a path taken into the mailbox of its receiver");
  auto finished = make("samoza_zrun_path_messages_finished_total",
                       "Messages of a path that its receiver has handled");
  auto repeated = make("samoza_zrun_path_messages_repeated_total",
                       "Messages of a path taken in that may have been handled before");
  auto dead =
      make("samoza_zrun_path_messages_dead_total", "Messages of a path that became dead letters");
  std::size_t count = 0;
  for (const auto* space : spaces)
    for (const auto* path : space->topology().paths_of[space->index()]) {
      if (path->to != space->index()) continue;
      ++count;
      const Labels labels{{"topology", space->topology().spec().name},
                          {"path", space->topology().spec().paths[path->index].name}};
      accepted.add(labels, static_cast<double>(path->counts.accepted));
      finished.add(labels, static_cast<double>(path->counts.finished));
      repeated.add(labels, static_cast<double>(path->counts.repeated));
      dead.add(labels, static_cast<double>(path->counts.dead));
    }
  for (auto* series : {&accepted, &finished, &repeated, &dead}) std::move(*series).append_to(out);
  return count;
}

}  // namespace

std::vector<ports::Metrics::Family> space_metrics(const std::vector<const Space*>& unsorted,
                                                  MetricBounds bounds) {
  auto spaces = unsorted;
  std::sort(spaces.begin(), spaces.end(), [](const Space* a, const Space* b) {
    return std::tie(a->id().key.topology.value, a->spec().name) <
           std::tie(b->id().key.topology.value, b->spec().name);
  });
  std::vector<Family> out;
  add_spaces(spaces, bounds, out);
  const auto paths = add_paths(spaces, bounds, out);
  Family folded{"samoza_zrun_label_sets_folded",
                "Spaces and paths that have no series of their own but are in `other`",
                Kind::gauge,
                {}};
  for (const auto& [of, count] : {std::pair{"space", past(spaces.size(), bounds.spaces_max)},
                                  std::pair{"path", past(paths, bounds.paths_max)},
                                  std::pair{"space_wait", past(spaces.size(), bounds.waits_max)}})
    folded.samples.push_back({{{"of", of}}, static_cast<double>(count), {}});
  out.push_back(std::move(folded));
  return out;
}

}  // namespace zrun
