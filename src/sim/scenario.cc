// SPDX-License-Identifier: Apache-2.0
#include "sim/scenario.h"

#include <fmt/core.h>

#include "sim/cluster.h"
#include "stdx/text.h"

namespace sim {
namespace {

using namespace std::chrono_literals;
using adapters::store_memory::Fault;

constexpr stdx::Duration settle_bound = 90s;

samoza::v1::TopologySpec topology(const std::string& name, int spaces) {
  std::vector<std::string> names;
  for (int i = 0; i < spaces; ++i) names.push_back(stdx::format("{}-s{}", name, i));
  return call_topology(name, names);
}

// The faults have their own generator, so that a change of the product's own draws does not give
// another series of faults.
class Faults {
 public:
  Faults(Cluster& cluster, const ScenarioOptions& options)
      : cluster_(cluster), options_(options), prng_(options.seed * 2654435761u + 17) {}

  void start(stdx::Instant until) {
    until_ = until;
    next();
  }
  std::uint64_t count() const { return count_; }

  void heal() {
    cluster_.network.heal_all();
    cluster_.network.faults = simkit::NetworkFaults{};
    cluster_.database.fault = {};
    if (std::exchange(cluster_.database.emptied, false))
      for (std::size_t i = 0; i < cluster_.size(); ++i) cluster_.crash(i, "zrms");
    cluster_.start_control_plane();
    for (std::size_t i = 0; i < cluster_.size(); ++i) {
      for (const char* name : {"startz", "zmesh", "zrms", "zrun"}) cluster_.resume(i, name);
      cluster_.start_zhost(i);
    }
  }

 private:
  std::size_t zhost() { return prng_.below(cluster_.size()); }
  stdx::Duration ms(int low, int high) {
    return std::chrono::milliseconds(prng_.between(low, high));
  }
  void later(stdx::Duration delay, std::function<void()> what) {
    cluster_.world.schedule(delay, "fault_end", [this, what = std::move(what)] {
      if (cluster_.world.now() < until_) what();
    });
  }
  void tell(const std::string& what) {
    ++count_;
    cluster_.world.trace(what);
    if (options_.explain)
      fmt::print("{:9.3f}  FAULT {}\n",
                 static_cast<double>(stdx::to_ms(cluster_.world.now().time_since_epoch())) / 1e3,
                 what);
  }
  void next() {
    cluster_.world.schedule(ms(300, 2500), "fault", [this] {
      if (cluster_.world.now() >= until_) return;
      strike();
      next();
    });
  }

  void strike() {
    switch (prng_.below(9)) {
      case 0:
      case 1:
        return crash();
      case 2:
        return kill();
      case 3:
      case 4:
        return cut();
      case 5:
        return pause();
      case 6:
        return database();
      case 7:
        return prng_.chance(1, 3) ? emptied() : kill();
      default:
        return prng_.chance(1, 2) ? control_plane() : weather();
    }
  }
  void crash() {
    static constexpr const char* names[] = {"zmesh", "zrms", "zrun", "zrun"};
    const auto z = zhost();
    const std::string name = names[prng_.below(4)];
    tell(stdx::format("crash {}/{}", Cluster::id(z), name));
    const int times = prng_.chance(1, 4) ? 6 : 1;  // past the restart grace
    for (int i = 0; i < times; ++i) later(200ms * i, [this, z, name] { cluster_.crash(z, name); });
  }
  void kill() {
    const auto z = zhost();
    tell(stdx::format("kill {}", Cluster::id(z)));
    cluster_.kill_zhost(z);
    later(ms(200, 9000), [this, z] { cluster_.start_zhost(z); });
  }
  void cut() {
    const auto a = Cluster::id(zhost());
    const auto b = prng_.chance(1, 3) ? std::string("cp") : Cluster::id(zhost());
    if (a == b) return;
    const bool both = prng_.chance(2, 3), forward = prng_.chance(1, 2);
    tell(stdx::format("cut {} {} {}", a, both ? "<->" : forward ? "->" : "<-", b));
    const auto disturb = [this, a, b] {
      for (const auto& id : {a, b}) cluster_.checker.disturbed(id, cluster_.world.now());
    };
    disturb();
    if (both || forward) cluster_.network.cut(a, b);
    if (both || !forward) cluster_.network.cut(b, a);
    // As long as the cut lasts it may silence somebody.
    const auto length = ms(300, 12000);
    for (stdx::Duration t = 1s; t < length; t += 1s) later(t, disturb);
    later(length, [this, a, b, disturb] {
      disturb();
      cluster_.network.heal(a, b);
      cluster_.network.heal(b, a);
    });
  }
  void pause() {
    static constexpr const char* names[] = {"startz", "zmesh", "zrms", "zrun"};
    const auto z = zhost();
    const std::string name = names[prng_.below(4)];
    tell(stdx::format("pause {}/{}", Cluster::id(z), name));
    cluster_.pause(z, name);
    later(ms(100, 7000), [this, z, name] { cluster_.resume(z, name); });
  }
  void database() {
    const auto kind = prng_.below(3);
    tell(stdx::format("database {}", kind == 0 ? "away" : "unsure"));
    cluster_.database.fault = [this, kind] {
      if (kind == 0) return Fault::unavailable;
      const auto roll = cluster_.world.prng().below(4);
      return roll == 0 ? Fault::unknown_lost : roll == 1 ? Fault::unknown_applied : Fault::none;
    };
    later(ms(300, 8000), [this] { cluster_.database.fault = {}; });
  }
  // Leaders that read an emptied database must leave everything as it is.
  void emptied() {
    tell("database emptied");
    const auto new_leader = [this] {
      if (const int at = cluster_.leader(); at >= 0)
        cluster_.crash(static_cast<std::size_t>(at), "zrms");
    };
    cluster_.database.emptied = true;
    new_leader();
    later(9s, [this, new_leader] {
      cluster_.database.emptied = false;
      new_leader();
    });
  }
  void control_plane() {
    tell("kill control plane");
    cluster_.kill_control_plane();
    later(ms(200, 8000), [this] { cluster_.start_control_plane(); });
  }
  void weather() {
    auto& faults = cluster_.network.faults;
    faults.loss_per_mille = static_cast<std::uint32_t>(prng_.below(150));
    faults.duplicate_per_mille = static_cast<std::uint32_t>(prng_.below(100));
    faults.reorder_per_mille = static_cast<std::uint32_t>(prng_.below(100));
    faults.reorder_max = ms(10, 400);
    faults.latency_max = ms(1, 60);
    tell(stdx::format("weather loss {} duplicate {} reorder {}", faults.loss_per_mille,
                      faults.duplicate_per_mille, faults.reorder_per_mille));
  }

  Cluster& cluster_;
  const ScenarioOptions& options_;
  stdx::Prng prng_;
  stdx::Instant until_{};
  std::uint64_t count_ = 0;
};

// Operators at work while faults happen: topologies come, stop, start again and go.
class Operators {
 public:
  Operators(Cluster& cluster, std::uint64_t seed) : cluster_(cluster), prng_(seed * 77 + 5) {}
  void start(stdx::Instant until) {
    cluster_.world.schedule(std::chrono::milliseconds(prng_.between(300, 2000)), "operator",
                            [this, until] {
                              if (cluster_.world.now() >= until) return;
                              act();
                              start(until);
                            });
  }

 private:
  void act() {
    const auto at = prng_.below(cluster_.size());
    const auto roll = prng_.below(10);
    if (ids_.size() < 3 && roll < 6) {
      cluster_.submit(at, topology(stdx::format("w{}", next_++), 2),
                      [this](ports::HttpResponse response) {
                        const auto mark = response.body.find("\"topology_id\":\"");
                        if (response.status < 300 && mark != std::string::npos)
                          ids_.push_back(response.body.substr(mark + 15, 36));
                      });
      return;
    }
    if (ids_.empty()) return;
    const auto which = prng_.below(ids_.size());
    const auto id = ids_[which];
    if (roll == 9) {
      ids_.erase(ids_.begin() + static_cast<std::ptrdiff_t>(which));
      cluster_.checker.topology_ended(id);
      return cluster_.http(at, "DELETE", "/v1/topologies/" + id, [](auto) {});
    }
    if (roll < 5) cluster_.checker.topology_ended(id);
    cluster_.http(at, "POST", "/v1/topologies/" + id + (roll < 5 ? "/stop" : "/start"),
                  [](auto) {});
  }

  Cluster& cluster_;
  stdx::Prng prng_;
  std::vector<std::string> ids_;
  int next_ = 0;
};

void explain(const LogLine& line) {
  std::string fields;
  for (const auto& [name, value] : line.fields) fields += stdx::format(" {}={}", name, value);
  fmt::print("{:9.3f}  {:<10} {}{}\n",
             static_cast<double>(stdx::to_ms(line.at.time_since_epoch())) / 1e3, line.process,
             line.event, fields);
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

}  // namespace

ScenarioResult run_scenario(const ScenarioOptions& options) {
  ClusterOptions wanted;
  wanted.seed = options.seed;
  wanted.zhosts = options.zhosts != 0 ? options.zhosts : 3 + options.seed % 3;
  Cluster cluster(wanted);
  if (options.explain) cluster.on_log = explain;
  std::size_t accepted = 0;
  run_until(cluster, 20s, [&] { return cluster.leader() >= 0; });
  for (int t = 0; t < 2; ++t) {
    bool answered = false;
    cluster.submit(0, topology(stdx::format("t{}", t), 2 + t), [&](ports::HttpResponse response) {
      answered = true;
      accepted += response.status < 300;
      if (options.explain) fmt::print("submit: {} {}\n", response.status, response.body);
    });
    run_until(cluster, 20s, [&] { return answered; });
  }
  std::string why;
  if (accepted != 2 || !run_until(cluster, 20s, [&] { return cluster.settled(&why); }))
    cluster.checker.violate("before any fault: " + (accepted != 2 ? "submit refused" : why));
  Faults faults(cluster, options);
  const auto until = cluster.world.now() + std::chrono::seconds(options.fault_seconds);
  faults.start(until);
  Operators operators(cluster, options.seed);
  operators.start(until);
  run_until(cluster, until - cluster.world.now(), [] { return false; });
  faults.heal();
  if (!run_until(cluster, settle_bound, [&] { return cluster.settled(&why); }))
    cluster.checker.violate(
        stdx::format("not settled {} s after healing: {}", stdx::to_ms(settle_bound) / 1000, why));
  ScenarioResult result;
  result.violation = cluster.checker.violation();
  result.trace_hash = cluster.world.trace_hash();
  result.events = cluster.world.events_run();
  result.faults = faults.count();
  for (const auto& line : cluster.log) result.placements += line.event == "space_placed";
  return result;
}

}  // namespace sim
