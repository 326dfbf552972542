// SPDX-License-Identifier: Apache-2.0
#include "sim/faults.h"
#include "stdx/text.h"

namespace sim {

using namespace std::chrono_literals;

void Faults::story() {
  switch (prng_.below(5)) {
    case 0:
      return usurp();
    case 1:
      return interregnum();
    case 2:
      return swing();
    default:
      return island();
  }
}

// Commands of a leader wait in a link until another leads, has given the target up, and has sent
// it commands when it came back; then they arrive (S4).
void Faults::usurp() {
  const int at = cluster_.leader();
  if (at < 0) return;
  const auto leader = Cluster::id(static_cast<std::size_t>(at));
  const auto target = Cluster::id(
      (static_cast<std::size_t>(at) + 1 + prng_.below(cluster_.size() - 1)) % cluster_.size());
  tell(stdx::format("usurp {} whose commands to {} wait", leader, target));
  const auto others = all_but({leader, target});
  disturb_for(13s, {leader, target});
  cluster_.network.faults.link_timeout = 20s;
  cut_both(leader, target);
  if (submit) submit(static_cast<std::size_t>(at));
  later(ms(300, 600), [this, leader, at] {
    cut_both(leader, "cp");
    cluster_.crash(static_cast<std::size_t>(at), "zrms");
  });
  later(1s, [this, target, others] {
    for (const auto& other : others) cut_both(target, other);
  });
  later(ms(8000, 10000), [this, target, others] {
    for (const auto& other : others) heal_both(target, other);
  });
  later(ms(10500, 13000), [this, leader, target] {
    heal_both(leader, target);
    heal_both(leader, "cp");
    cluster_.network.faults.link_timeout = simkit::NetworkFaults::link_timeout_default;
  });
}

// While nobody leads, a zhost gives its spaces up, and zrun is back before the next leader, which
// knows nothing of it and places them where the records say (P4).
void Faults::interregnum() {
  const int at = cluster_.leader();
  if (at < 0) return;
  const auto leader = static_cast<std::size_t>(at);
  const auto target = zhost();
  tell(stdx::format("interregnum after {}, zrun of {} ends past the grace", Cluster::id(leader),
                    Cluster::id(target)));
  cluster_.crash(leader, "zrms");
  crash_for(ms(1500, 3000), target, "zrun");
}

// A leader loses the term to another, under which spaces move, and gets it back: what it knows is
// then older than what operators saw (S5).
void Faults::swing() {
  const int at = cluster_.leader();
  if (at < 0) return;
  const auto first = static_cast<std::size_t>(at);
  const auto victim = zhost();
  tell(stdx::format("swing: {} loses the term for a while", Cluster::id(first)));
  disturb_for(20s, {Cluster::id(first)});
  cut_both(Cluster::id(first), "cp");
  const auto others = [this, first](void (Cluster::*what)(std::size_t, const std::string&)) {
    for (std::size_t i = 0; i < cluster_.size(); ++i)
      if (i != first) (cluster_.*what)(i, "zrms");
  };
  const auto back = [this, first, others] {
    heal_both(Cluster::id(first), "cp");
    others(&Cluster::pause);
    const auto end = [others] { others(&Cluster::resume); };
    when([this, first] { return cluster_.leader() == static_cast<int>(first); }, 8s, end);
    later(8s, end);
  };
  const auto another = [this, first] {
    const int now = cluster_.leader();
    return now >= 0 && now != static_cast<int>(first);
  };
  when(another, 9s, [this, victim, back] {
    crash_for(2500ms, victim, "zrun");
    later(ms(3500, 5000), back);
  });
  later(20s, [this, first] { heal_both(Cluster::id(first), "cp"); });
}

// The zhost of a sender is heard by that of its receiver alone, and the sender is placed elsewhere,
// too. Then the receiver's zrun starts anew and remembers nothing of senders, either with a
// directory that starts anew, or with one that was never told of the newer sender, as the leader's
// words do not arrive (P10).
void Faults::island() {
  const int leads = cluster_.leader();
  if (leads < 0) return;
  struct Ends {
    Way way;
    std::string from, to;
  };
  std::vector<Ends> list;
  const auto leader = Cluster::id(static_cast<std::size_t>(leads));
  const auto home = [this](const std::string& space) {
    const auto there = cluster_.instances(space);
    return there.size() == 1 ? there[0].substr(0, there[0].find('/')) : std::string();
  };
  for (const auto& way : cluster_.ways()) {
    const Ends ends{way, home(way.from), home(way.to)};
    if (!way.once && ends.from != ends.to && !ends.from.empty() && !ends.to.empty() &&
        ends.from != leader && ends.to != leader)
      list.push_back(ends);
  }
  if (list.empty()) return;
  const auto ends = list[prng_.below(list.size())];
  const bool untold = prng_.chance(3, 4);
  tell(stdx::format("island: {} is heard by {} alone, which {}", ends.from, ends.to,
                    untold ? "the leader does not reach" : "is to start anew"));
  disturb_for(14s, {ends.from, ends.to});
  const auto others = all_but({ends.from, ends.to});
  for (const auto& other : others) cut_both(ends.from, other);
  // Messages and beats pass, only envelopes do not.
  if (untold)
    later(ms(1000, 3000), [=, this] { cluster_.network.stall(leader, ends.to, "zmesh"); });
  const auto start_anew = [=, this] {
    const auto receiver = stdx::parse_u64(ends.to.substr(1)).value();
    cluster_.crash(receiver, "zrun");
    if (untold) return;
    cut_both(leader, ends.to);
    cluster_.crash(receiver, "zmesh");
    later(ms(800, 2500), [=, this] { heal_both(leader, ends.to); });
  };
  const auto moved = [=, this] { return cluster_.instances(ends.way.from).size() > 1; };
  when(moved, 9s, [=, this] { later(ms(300, 2500), start_anew); });
  // The moment that a receiver must not forget.
  const auto taken = cluster_.delivery.newest_taken(ends.way);
  when([=, this] { return cluster_.delivery.newest_taken(ends.way) > taken; }, 9s, start_anew);
  later(ms(11000, 13000), [=, this] {
    cluster_.network.unstall(leader, ends.to, "zmesh");
    for (const auto& other : others) heal_both(ends.from, other);
  });
}

}  // namespace sim
