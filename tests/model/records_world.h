// SPDX-License-Identifier: Apache-2.0
#pragma once

// The states and actions of records_model.cc.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>
#include <utility>

namespace records_model {

constexpr int zhosts = 3;
constexpr int lineages_max = 6;
constexpr int epochs_per_region = 4;  // a step leads to numbers that no other history has
constexpr std::uint8_t all_zhosts = (1u << zhosts) - 1;

struct Rules {
  bool counters = true;  // a zhost says the highest counter and lineage that it knows
  bool quorum = true;    // after a start nothing is committed before enough members have registered
  bool step = true;  // opened without all members: epochs take a step that no other history takes
  bool lineages =
      true;  // opened without the sitting leader: a new lineage, which names those that it
             // continues, and where they ended; a zhost takes commands of its own only
  bool promise = true;  // between its report and the answer a zhost takes no newer command
};

struct Budget {
  std::uint8_t copies, losses, crashes, moves, starts, recoveries, empties;
};

// What one search may use: a narrow one goes deep, a wide one meets more kinds of faults.
constexpr Budget narrow{1, 1, 0, 2, 0, 0, 1}, wide{1, 1, 1, 2, 1, 1, 1};
// The copy is there from the beginning, and it is all that happens.
constexpr Budget deep{0, 1, 0, 2, 0, 0, 0};
inline Budget budget = narrow;

struct Records {
  std::uint8_t lineage = 0, counter = 0;
  std::uint8_t members = 0;
  std::uint8_t ended[lineages_max] =
      {};  // former lineages: their last counter + 1; 0: not of these
  std::uint8_t term = 0, term_version = 0;
  std::uint8_t zhost = 0, epoch = 0;  // of the space; epoch 0: no row
  std::uint8_t floor = 0;             // epochs begin above it
  std::uint32_t batches = 0;          // true history, which no rule may look at
};

struct Zhost {
  bool up = true;
  std::uint8_t lineage = 0, counter = 0, term = 0;
  bool knows = false;
  bool waits = false;       // for the answer to its registration
  std::uint8_t runs = 0;    // epoch
  std::uint8_t floor = 0;   // highest epoch placed here in this incarnation
  std::uint8_t newest = 0;  // true history: the newest batch that it heard of, + 1
};

enum class Phase : std::uint8_t { down, opening, open, behind };

struct Leader {
  bool active = false, loaded = false;
  std::uint8_t term = 0, term_version = 0, lineage = 0, counter = 0;
};

struct Command {
  std::uint8_t to = 0, epoch = 0, term = 0, lineage = 0, counter = 0, batch = 0;  // epoch 0: none
};

struct State {
  Records now, copy;
  bool has_copy = false;
  Phase phase = Phase::open;
  std::uint8_t registered = 0, foreign = 0;
  Leader leader;
  Zhost z[zhosts];
  Command command[2];
  std::uint8_t started_on[32] = {};  // epoch: zhost + 1
  std::uint8_t next_lineage = 1, next_region = 1, next_batch = 0;
  Budget left;
  const char* wrong = nullptr;
};

static_assert(sizeof(State) % 8 == 0);

inline Rules rules;
inline std::string said;  // what the last action did, for a trace

inline int count(std::uint8_t mask) {
  return std::popcount(mask);
}
std::uint8_t bit(int z) {
  return static_cast<std::uint8_t>(1u << z);
}

inline void note_batch(State& s) {
  ++s.now.counter;
  s.now.batches |= 1u << s.next_batch;
}

inline void hear(State& s, int z, std::uint8_t lineage, std::uint8_t counter, std::uint8_t batch) {
  auto& zhost = s.z[z];
  if (zhost.knows && zhost.lineage == lineage && zhost.counter >= counter) return;
  zhost.knows = true;
  zhost.lineage = lineage;
  zhost.counter = counter;
  zhost.newest = static_cast<std::uint8_t>(batch + 1);
}

// Whether what a zhost knows is not of these records: they went back, or are others.
inline bool ahead(const Records& records, const Zhost& zhost) {
  if (!zhost.knows || !rules.counters) return false;
  if (zhost.term > records.term) return true;
  if (zhost.lineage == records.lineage) return zhost.counter > records.counter;
  if (!rules.lineages) return false;
  const auto end = records.ended[zhost.lineage];
  return end == 0 || zhost.counter > end - 1;
}

inline void new_lineage(State& s, bool step) {
  s.now.ended[s.now.lineage] = static_cast<std::uint8_t>(s.now.counter + 1);
  s.now.lineage = s.next_lineage++;
  if (step) s.now.floor = static_cast<std::uint8_t>(epochs_per_region * s.next_region++);
  note_batch(s);
  ++s.next_batch;
}

// What a zhost learns when it is admitted.
inline void answer(State& s, int z, std::uint8_t batch) {
  s.z[z].waits = false;
  s.z[z].term = std::max(s.z[z].term, s.now.term);
  hear(s, z, s.now.lineage, s.now.counter, batch);
}

inline bool may_step(const State& s) {
  return s.next_lineage < lineages_max && (s.next_region + 1) * epochs_per_region < 32 &&
         s.next_batch < 30;
}

inline void open(State& s, bool step) {
  s.phase = Phase::open;
  ++s.now.term;
  ++s.now.term_version;
  if (rules.lineages) new_lineage(s, step && rules.step);
}

// --- actions: false where the guard does not hold ---

inline bool start_control_plane(State& s) {
  if (s.phase != Phase::down) return false;
  s.phase = Phase::opening;
  s.registered = s.foreign = 0;
  if (!rules.quorum || s.now.members == 0) s.phase = Phase::open;
  said = "the control plane starts";
  return true;
}

inline bool stop_control_plane(State& s) {
  if (s.phase == Phase::down || s.left.starts == 0) return false;
  --s.left.starts;
  s.phase = Phase::down;
  said = "the control plane stops";
  return true;
}

inline bool open_with_all(State& s) {
  if (s.phase != Phase::opening || (s.now.members & ~s.registered) != 0) return false;
  if (!may_step(s)) return false;
  open(s, false);
  said = "all members have registered: it opens";
  return true;
}

inline bool open_with_most(State& s) {
  if (s.phase != Phase::opening || count(s.registered & s.now.members) * 2 <= count(s.now.members))
    return false;
  if (!may_step(s)) return false;
  open(s, true);
  said = "more than half of the members have registered: it opens";
  return true;
}

inline bool register_zhost(State& s, int z) {
  auto& zhost = s.z[z];
  if (!zhost.up || (s.phase != Phase::opening && s.phase != Phase::open) || s.next_batch >= 30)
    return false;
  if ((s.registered & bit(z)) != 0) return false;  // once for each start is enough
  said = "zhost " + std::to_string(z) + " registers";
  const bool member = (s.now.members & bit(z)) != 0;
  if (ahead(s.now, zhost)) {
    const bool other = zhost.lineage != s.now.lineage && s.now.ended[zhost.lineage] == 0;
    s.foreign |= bit(z);
    said += " and knows of more";
    // A stranger with other records among those that have these is refused, and that is all.
    if (other && !member && count(s.foreign) <= count(s.registered)) return true;
    s.phase = Phase::behind;
    return true;
  }
  s.registered |= bit(z);
  zhost.waits = true;
  if (s.phase != Phase::open) return true;
  note_batch(s);
  s.now.members |= bit(z);
  answer(s, z, s.next_batch++);
  return true;
}

inline bool answer_registered(State& s, int z) {
  if (!s.z[z].up || !s.z[z].waits || s.phase != Phase::open || (s.registered & bit(z)) == 0 ||
      s.now.batches == 0)
    return false;
  answer(s, z, static_cast<std::uint8_t>(31 - std::countl_zero(s.now.batches)));
  said = "zhost " + std::to_string(z) + " is admitted";
  return true;
}

inline bool lead(State& s) {
  if (s.leader.active || s.phase != Phase::open || s.now.term > 3 || s.now.members == 0)
    return false;
  ++s.now.term;
  ++s.now.term_version;
  s.leader = {true, true, s.now.term, s.now.term_version, s.now.lineage, s.now.counter};
  said = "a leader takes term " + std::to_string(s.now.term);
  return true;
}

inline bool lapse(State& s) {
  if (!s.leader.active) return false;
  s.leader = {};
  said = "the leader is gone";
  return true;
}

// The sitting leader renews its term: only where the row is the very one that it wrote. What it
// knows of counters then speaks for all.
inline bool renew(State& s) {
  auto& leader = s.leader;
  // While it is open a renewal would change nothing but the version, which only makes it easier to
  // tell the records from an older copy.
  if (!leader.active || s.phase != Phase::opening) return false;
  if (leader.term != s.now.term || leader.term_version != s.now.term_version) return false;
  said = "the leader renews its term";
  Zhost as_zhost;
  as_zhost.knows = true;
  as_zhost.lineage = leader.lineage;
  as_zhost.counter = leader.counter;
  as_zhost.term = leader.term;
  if (ahead(s.now, as_zhost)) {
    s.phase = Phase::behind;
    said += " and knows of more";
    return true;
  }
  leader.term_version = ++s.now.term_version;
  s.phase = Phase::open;
  return true;
}

inline bool move(State& s, int z) {
  auto& leader = s.leader;
  if (!leader.active || s.phase != Phase::open || leader.term != s.now.term || s.left.moves == 0)
    return false;
  if ((s.now.members & bit(z)) == 0 || s.next_batch >= 30) return false;
  const auto epoch = static_cast<std::uint8_t>(std::max(s.now.epoch, s.now.floor) + 1);
  if (epoch % epochs_per_region == 0) return false;
  auto* free = s.command[0].epoch == 0 ? &s.command[0] : &s.command[1];
  if (free->epoch != 0) return false;
  --s.left.moves;
  note_batch(s);
  s.now.zhost = static_cast<std::uint8_t>(z);
  s.now.epoch = epoch;
  leader.lineage = s.now.lineage;
  leader.counter = s.now.counter;
  *free = {static_cast<std::uint8_t>(z),
           epoch,
           leader.term,
           s.now.lineage,
           s.now.counter,
           s.next_batch++};
  said = "the leader places epoch " + std::to_string(epoch) + " on zhost " + std::to_string(z);
  return true;
}

inline bool deliver(State& s, int c) {
  auto& command = s.command[c];
  if (command.epoch == 0) return false;
  auto& zhost = s.z[command.to];
  said = "zhost " + std::to_string(command.to) + " takes epoch " + std::to_string(command.epoch);
  const auto taken = std::exchange(command, {});
  if (!zhost.up || taken.term < zhost.term || taken.epoch <= zhost.floor) return true;
  // Only the control plane's word, or a directory that continues what it knows, leads to another
  // lineage.
  if (rules.lineages && zhost.knows && taken.lineage != zhost.lineage) return true;
  if (rules.promise && zhost.waits && taken.counter > zhost.counter) return true;
  zhost.term = taken.term;
  zhost.runs = zhost.floor = taken.epoch;
  hear(s, taken.to, taken.lineage, taken.counter, taken.batch);
  auto& home = s.started_on[taken.epoch];
  if (home != 0 && home != taken.to + 1) s.wrong = "S1";
  home = static_cast<std::uint8_t>(taken.to + 1);
  return true;
}

inline bool lose_command(State& s, int c) {
  if (s.command[c].epoch == 0) return false;
  s.command[c] = {};
  said = "a command is lost";
  return true;
}

// The directory carries the counter, too.
inline bool tell(State& s, int z) {
  if (!s.leader.active || !s.z[z].up || s.next_batch == 0) return false;
  if (s.phase != Phase::open || s.leader.lineage != s.now.lineage ||
      s.leader.counter != s.now.counter)
    return false;
  const auto& zhost = s.z[z];
  if (zhost.knows && zhost.lineage != s.now.lineage && ahead(s.now, zhost)) return false;
  const auto newest = static_cast<std::uint8_t>(31 - std::countl_zero(s.now.batches));
  hear(s, z, s.leader.lineage, s.leader.counter, newest);
  s.z[z].term = std::max(s.z[z].term, s.leader.term);
  said = "the leader tells zhost " + std::to_string(z) + " of its counter";
  return true;
}

inline bool crash(State& s, int z) {
  if (!s.z[z].up || s.left.crashes == 0) return false;
  --s.left.crashes;
  s.z[z].up = false;
  s.z[z].runs = s.z[z].floor = 0;
  said = "zhost " + std::to_string(z) + " crashes";
  return true;
}

inline bool come_back(State& s, int z) {
  if (s.z[z].up) return false;
  s.z[z].up = true;
  said = "zhost " + std::to_string(z) + " starts";
  return true;
}

inline bool copy_records(State& s) {
  // Nothing but the copy cares when it was made, as long as no batch came since.
  if (s.left.copies == 0 || s.now.members == 0 || s.left.losses == 0) return false;
  --s.left.copies;
  s.copy = s.now;
  s.has_copy = true;
  said = "the records are copied";
  return true;
}

inline bool put_back(State& s) {
  if (s.left.losses == 0 || !s.has_copy) return false;
  --s.left.losses;
  s.now = s.copy;
  s.phase = Phase::down;
  said = "the copy is put back";
  return true;
}

inline bool empty(State& s) {
  if (s.left.losses == 0 || s.left.empties == 0 || s.now.members == 0 ||
      s.next_lineage >= lineages_max)
    return false;
  --s.left.losses;
  s.now = {};
  s.now.lineage = s.next_lineage++;
  s.phase = Phase::down;
  said = "the records are emptied";
  return true;
}

// An operator: a new lineage above all that the zhosts that are there report.
inline bool recover(State& s) {
  if (s.phase != Phase::behind || s.left.recoveries == 0 || !may_step(s)) return false;
  --s.left.recoveries;
  for (int z = 0; z < zhosts; ++z) {
    const auto& zhost = s.z[z];
    if (!zhost.up) continue;
    s.now.members |= bit(z);
    s.registered |= bit(z);
    s.now.term = std::max(s.now.term, zhost.term);
    if (zhost.runs > s.now.epoch) {
      s.now.epoch = zhost.runs;
      s.now.zhost = static_cast<std::uint8_t>(z);
    }
    if (!zhost.knows) continue;
    auto& end = s.now.ended[zhost.lineage];
    end = std::max<std::uint8_t>(end, static_cast<std::uint8_t>(zhost.counter + 1));
    // What was taken over is part of these records from here.
    s.now.batches |= 1u << (zhost.newest - 1);
    if (zhost.lineage == s.now.lineage) s.now.counter = std::max(s.now.counter, zhost.counter);
  }
  ++s.now.term;
  ++s.now.term_version;
  new_lineage(s, true);
  s.leader = {};
  for (int z = 0; z < zhosts; ++z)
    if (s.z[z].up) answer(s, z, static_cast<std::uint8_t>(s.next_batch - 1));
  s.phase = Phase::open;
  said = "the operator recovers the records";
  return true;
}

inline void check(State& s) {
  if (s.wrong != nullptr || s.phase != Phase::open) return;
  for (int z = 0; z < zhosts; ++z) {
    const auto newest = s.z[z].newest;
    if ((s.registered & bit(z)) != 0 && !s.z[z].waits && s.z[z].knows && newest != 0 &&
        (s.now.batches >> (newest - 1) & 1u) == 0)
      s.wrong = "told";
  }
}

}  // namespace records_model
