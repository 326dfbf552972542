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
constexpr stdx::Duration flow_bound = 30s;

double seconds(stdx::Instant at) {
  return static_cast<double>(stdx::to_ms(at.time_since_epoch())) / 1e3;
}

// The faults have their own generator, so that a change of the product's own draws does not give
// another series of faults.
class Faults {
 public:
  Faults(Cluster& cluster, const ScenarioOptions& options)
      : cluster_(cluster), options_(options), prng_(options.seed * 2654435761u + 17) {}

  void start(stdx::Instant until) {
    until_ = until;
    cluster_.stage.misbehave = true;
    next();
  }
  std::uint64_t count() const { return count_; }
  std::function<void(std::size_t zhost)> submit;  // an operator hands in a topology there

  void heal() {
    cluster_.stage.misbehave = false;
    cluster_.stage.cursed.clear();
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
    if (options_.explain) fmt::print("{:9.3f}  FAULT {}\n", seconds(cluster_.world.now()), what);
  }
  void next() {
    cluster_.world.schedule(ms(300, 2500), "fault", [this] {
      if (cluster_.world.now() >= until_) return;
      strike();
      next();
    });
  }

  void strike() {
    switch (prng_.below(10)) {
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
      case 8:
        return prng_.chance(1, 3) ? usurp() : cut();
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
    if (both || forward) cluster_.network.cut(a, b);
    if (both || !forward) cluster_.network.cut(b, a);
    const auto length = ms(300, 12000);
    disturb_for(length, {a, b});
    later(length, [this, a, b] {
      cluster_.network.heal(a, b);
      cluster_.network.heal(b, a);
    });
  }
  // As long as a cut lasts, and a moment after, it may silence somebody.
  void disturb_for(stdx::Duration length, std::vector<std::string> ids) {
    const auto disturb = [this, ids = std::move(ids)] {
      for (const auto& id : ids) cluster_.checker.disturbed(id, cluster_.world.now());
    };
    disturb();
    for (stdx::Duration t = 1s; t < length; t += 1s) later(t, disturb);
    later(length, disturb);
  }
  // Commands of a leader wait in a link until another leads, has given the target up, and has sent
  // it commands when it came back; then they arrive (S4).
  void usurp() {
    const int at = cluster_.leader();
    if (at < 0) return;
    const auto leader = Cluster::id(static_cast<std::size_t>(at));
    const auto target = Cluster::id(
        (static_cast<std::size_t>(at) + 1 + prng_.below(cluster_.size() - 1)) % cluster_.size());
    tell(stdx::format("usurp {} whose commands to {} wait", leader, target));
    auto& network = cluster_.network;
    const auto cut = [&network](const std::string& a, const std::string& b) {
      network.cut(a, b);
      network.cut(b, a);
    };
    const auto heal = [&network](const std::string& a, const std::string& b) {
      network.heal(a, b);
      network.heal(b, a);
    };
    const auto others = [this, leader, target] {
      std::vector<std::string> list{"cp"};
      for (std::size_t i = 0; i < cluster_.size(); ++i)
        if (Cluster::id(i) != leader && Cluster::id(i) != target) list.push_back(Cluster::id(i));
      return list;
    }();
    disturb_for(13s, {leader, target});
    network.faults.link_timeout = 20s;
    cut(leader, target);
    if (submit) submit(static_cast<std::size_t>(at));
    later(ms(300, 600), [this, cut, leader, at] {
      cut(leader, "cp");
      cluster_.crash(static_cast<std::size_t>(at), "zrms");
    });
    later(1s, [cut, target, others] {
      for (const auto& other : others) cut(target, other);
    });
    later(ms(8000, 10000), [heal, target, others] {
      for (const auto& other : others) heal(target, other);
    });
    later(ms(10500, 13000), [this, heal, leader, target] {
      heal(leader, target);
      heal(leader, "cp");
      cluster_.network.faults.link_timeout = 8s;
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
  Operators(Cluster& cluster, std::uint64_t seed)
      : cluster_(cluster), prng_(seed * 77 + 5), looks_(seed * 131 + 7) {}
  void start(stdx::Instant until) {
    cluster_.world.schedule(std::chrono::milliseconds(prng_.between(300, 2000)), "operator",
                            [this, until] {
                              if (cluster_.world.now() >= until) return;
                              act();
                              start(until);
                            });
  }

  // They look at any zhost, often: a read that is to be stale must meet the moment.
  void look(stdx::Instant until) {
    cluster_.world.schedule(std::chrono::milliseconds(looks_.between(50, 500)), "look",
                            [this, until] {
                              if (cluster_.world.now() >= until) return;
                              cluster_.read_placements(looks_.below(cluster_.size()));
                              look(until);
                            });
  }

  void submit(std::size_t at) {
    const bool with_store = prng_.chance(1, 2);
    const auto name = stdx::format("w{}", next_++);
    cluster_.submit(at, flow_topology(name, "rare", with_store, prng_.chance(1, 2)),
                    [this, name](ports::HttpResponse response) {
                      const auto mark = response.body.find("\"topology_id\":\"");
                      if (response.status < 300 && mark != std::string::npos)
                        ids_.push_back({response.body.substr(mark + 15, 36), name});
                    });
  }

 private:
  void act() {
    const auto at = prng_.below(cluster_.size());
    const auto roll = prng_.below(10);
    if (ids_.size() < 3 && roll < 6) return submit(at);
    if (ids_.empty()) return;
    const auto which = prng_.below(ids_.size());
    const auto [id, name] = ids_[which];
    if (roll == 9) {
      ids_.erase(ids_.begin() + static_cast<std::ptrdiff_t>(which));
      cluster_.checker.topology_ended(id);
      cluster_.delivery.data_removed(id, name + "-store");
      return cluster_.http(at, "DELETE", "/v1/topologies/" + id, [](auto) {});
    }
    if (roll < 5) cluster_.checker.topology_ended(id);
    cluster_.http(at, "POST", "/v1/topologies/" + id + (roll < 5 ? "/stop" : "/start"),
                  [](auto) {});
  }

  Cluster& cluster_;
  stdx::Prng prng_, looks_;
  struct Topology {
    std::string id, name;
  };
  std::vector<Topology> ids_;
  int next_ = 0;
};

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

}  // namespace

ScenarioResult run_scenario(const ScenarioOptions& options) {
  ClusterOptions wanted;
  wanted.seed = options.seed;
  wanted.zhosts = options.zhosts != 0 ? options.zhosts : 3 + options.seed % 3;
  Cluster cluster(wanted);
  if (options.explain) {
    cluster.on_log = explain;
    cluster.on_message = [&](const std::string& text) {
      fmt::print("{:9.3f}  {}\n", seconds(cluster.world.now()), text);
    };
  }
  std::size_t accepted = 0;
  run_until(cluster, 20s, [&] { return cluster.leader() >= 0; });
  for (int t = 0; t < 2; ++t) {
    bool answered = false;
    const auto spec = flow_topology(stdx::format("t{}", t), t == 0 ? "brisk" : "calm", t == 1,
                                    options.seed % 2 == 0);
    cluster.submit(0, spec, [&](ports::HttpResponse response) {
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
  Operators operators(cluster, options.seed);
  faults.submit = [&](std::size_t zhost) { operators.submit(zhost); };
  const auto until = cluster.world.now() + std::chrono::seconds(options.fault_seconds);
  faults.start(until);
  operators.start(until);
  operators.look(until + settle_bound);
  run_until(cluster, until - cluster.world.now(), [] { return false; });
  faults.heal();
  if (!run_until(cluster, settle_bound, [&] { return cluster.settled(&why); }))
    cluster.checker.violate(
        stdx::format("not settled {} s after healing: {}", stdx::to_ms(settle_bound) / 1000, why));
  cluster.delivery.mark();
  const auto flowing = [&] { return cluster.delivery.flowing(cluster.ways(), &why); };
  if (!run_until(cluster, flow_bound, flowing))
    cluster.checker.violate(
        stdx::format("{}, {} s after healing", why, stdx::to_ms(flow_bound) / 1000));
  ScenarioResult result;
  result.violation = cluster.checker.violation();
  result.trace_hash = cluster.world.trace_hash();
  result.events = cluster.world.events_run();
  result.faults = faults.count();
  result.messages = cluster.delivery.messages();
  for (const auto& line : cluster.log) result.placements += line.event == "space_placed";
  return result;
}

}  // namespace sim
