// SPDX-License-Identifier: Apache-2.0
#include "sim/scenario.h"

#include <fmt/core.h>

#include <algorithm>

#include "sim/cluster.h"
#include "sim/faults.h"
#include "sim/operators.h"
#include "sim/outside_callers.h"
#include "stdx/text.h"

namespace sim {
namespace {

using namespace std::chrono_literals;

constexpr stdx::Duration settle_bound = 90s;
constexpr stdx::Duration flow_bound = 30s;

double seconds(stdx::Instant at) {
  return static_cast<double>(stdx::to_ms(at.time_since_epoch())) / 1e3;
}

void explain(const LogLine& line) {
  std::string fields;
  for (const auto& [name, value] : line.fields) fields += stdx::format(" {}={}", name, value);
  fmt::print("{:9.3f}  {:<10} {}{}\n", seconds(line.at), line.process, line.event, fields);
}

// Runs until `done`, the bound, or a violation.
bool run_until(Cluster& cluster, stdx::Duration bound, const std::function<bool()>& done) {
  const auto end = cluster.world.now() + bound;
  while (cluster.world.now() < end && cluster.checker.violation().empty()) {
    if (done()) return true;
    cluster.world.run_for(100ms);
  }
  return done();
}

samoza::v1::TopologySpec quiet_ring(const std::string& name, std::size_t spaces) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < spaces; ++i) names.push_back(stdx::format("{}-{:05}", name, i));
  auto spec = call_topology(name, names, "quiet");
  for (std::size_t i = 0; i < spaces; ++i) {
    spec.mutable_spaces(static_cast<int>(i))->mutable_limits()->set_memory_bytes(1u << 20);
    auto* path = spec.add_paths();
    path->set_name(stdx::format("p{:05}", i));
    path->set_from(names[i]);
    path->set_to(names[(i + 1) % spaces]);
  }
  return spec;
}

std::vector<samoza::v1::TopologySpec> talking_topologies(std::uint64_t seed, bool with_doors) {
  std::vector<samoza::v1::TopologySpec> specs;
  for (std::size_t t = 0; t < 2; ++t)
    specs.push_back(
        flow_topology(stdx::format("t{}", t), t == 0 ? "brisk" : "calm", t == 1, seed % 2 == 0));
  if (seed % 3 == 0) specs.push_back(once_topology("t2"));
  if (with_doors) specs.push_back(door_topology("doors"));
  return specs;
}

// Gives how many topologies they are.
std::size_t submit_rings(Cluster& cluster, std::size_t spaces, std::size_t& accepted) {
  constexpr std::size_t ring_max = 500;
  std::size_t rings = 0;
  while (spaces > 0) {
    const auto size = std::min(spaces, ring_max);
    bool answered = false;
    cluster.submit(0, quiet_ring(stdx::format("ring{}", rings++), size),
                   [&](ports::HttpResponse response) {
                     answered = true;
                     accepted += response.status < 300;
                   });
    run_until(cluster, 20s, [&] { return answered; });
    spaces -= size;
  }
  return rings;
}

ScenarioResult result_of(const Cluster& cluster, std::uint64_t faults) {
  ScenarioResult result;
  result.violation = cluster.checker.violation();
  result.trace_hash = cluster.world.trace_hash();
  result.events = cluster.world.events_run();
  const auto& tasks = cluster.world.long_tasks();
  result.long_tasks = tasks.count;
  if (tasks.count > 0)
    result.longest_task = stdx::format("{} {} ms", tasks.where, stdx::to_ms(tasks.longest));
  result.faults = faults;
  result.messages =
      cluster.delivery.messages() + cluster.once.messages() + cluster.outside.answers_heard();
  for (const auto& line : cluster.log) result.placements += line.event == "space_placed";
  return result;
}

}  // namespace

ScenarioResult run_scenario(const ScenarioOptions& options) {
  ClusterOptions wanted;
  wanted.seed = options.seed;
  wanted.zhosts = options.zhosts != 0 ? options.zhosts : 3 + options.seed % 3;
  if (options.seed % 4 >= 2) wanted.clock_per_mille = 20;
  Cluster cluster(wanted);
  if (options.explain) {
    cluster.on_log = explain;
    cluster.on_message = [&](const std::string& text) {
      fmt::print("{:9.3f}  {}\n", seconds(cluster.world.now()), text);
    };
  }
  Faults faults(cluster, options);
  faults.begin();
  std::size_t accepted = 0;
  run_until(cluster, 20s, [&] { return cluster.leader() >= 0; });
  const bool with_doors = options.seed % 4 == 0;
  const auto specs = talking_topologies(options.seed, with_doors);
  std::size_t submitted = specs.size();
  for (const auto& spec : specs) {
    bool answered = false;
    cluster.submit(0, spec, [&](ports::HttpResponse response) {
      answered = true;
      accepted += response.status < 300;
      if (response.status < 300) cluster.note_accepted(response, spec);
      if (options.explain) fmt::print("submit: {} {}\n", response.status, response.body);
    });
    run_until(cluster, 20s, [&] { return answered; });
  }
  submitted += submit_rings(cluster, options.spaces, accepted);
  std::string why;
  if (accepted != submitted ||
      !run_until(cluster, settle_bound, [&] { return cluster.settled(&why); }))
    cluster.checker.violate("before any fault: " +
                            (accepted != submitted ? "submit refused" : why));
  Operators operators(cluster, options.seed);
  faults.submit = [&](std::size_t zhost) { operators.submit(zhost); };
  const auto until = cluster.world.now() + std::chrono::seconds(options.fault_seconds);
  faults.start(until);
  operators.start(until);
  operators.look(until + settle_bound);
  OutsideCallers callers(cluster, options.seed);
  if (with_doors) callers.start(until + settle_bound + flow_bound);
  run_until(cluster, until - cluster.world.now(), [] { return false; });
  faults.heal();
  if (!run_until(cluster, settle_bound, [&] { return cluster.settled(&why); }))
    cluster.checker.violate(
        stdx::format("not settled {} s after healing: {}", stdx::to_ms(settle_bound) / 1000, why));
  if (auto broken = cluster.activations.missing_or_twice(); !broken.empty())
    cluster.checker.violate(std::move(broken));
  cluster.delivery.mark();
  cluster.once.mark();
  const auto heard = cluster.outside.answers_heard();
  const auto flowing = [&] {
    auto ways = cluster.ways();
    std::erase_if(ways, [](const Way& way) { return way.from.starts_with("ring"); });  // quiet
    if (with_doors && cluster.outside.answers_heard() == heard) {
      why = "no caller from outside hears an answer";
      return false;
    }
    return cluster.delivery.flowing(ways, &why) && cluster.once.flowing(ways, &why);
  };
  if (!run_until(cluster, flow_bound, flowing))
    cluster.checker.violate(
        stdx::format("{}, {} s after healing", why, stdx::to_ms(flow_bound) / 1000));
  return result_of(cluster, faults.count());
}

}  // namespace sim
