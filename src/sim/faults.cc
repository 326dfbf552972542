// SPDX-License-Identifier: Apache-2.0
#include "sim/faults.h"

#include <fmt/core.h>

#include <algorithm>

#include "stdx/text.h"

namespace sim {

using namespace std::chrono_literals;
using adapters::store_memory::Fault;

namespace {
double seconds(stdx::Instant at) {
  return static_cast<double>(stdx::to_ms(at.time_since_epoch())) / 1e3;
}
}  // namespace

void Faults::begin() {
  if (!prng_.chance(1, 5)) return;
  tell("no data links");
  for (std::size_t a = 0; a < cluster_.size(); ++a)
    for (std::size_t b = 0; b < a; ++b)
      cluster_.network.stall(Cluster::id(a), Cluster::id(b), "zrun");
}

void Faults::start(stdx::Instant until) {
  until_ = until;
  cluster_.stage.misbehave = true;
  if (options_.seed % 5 == 3) disks();
  // One in ten begins with the loss of a tail, which takes most of the time. Not drawn: which
  // faults the others have stays as it is.
  if (options_.seed % 10 == 6) {
    lost_tail();
    return later(35s, [this] { next(); });
  }
  if (!prng_.chance(1, 2)) return next();
  // One in two begins with a story that nothing else disturbs.
  story();
  later(10s, [this] { next(); });
}

void Faults::heal() {
  cluster_.stage.misbehave = false;
  cluster_.stage.cursed.clear();
  cluster_.network.heal_all();
  cluster_.network.faults = simkit::NetworkFaults{};
  cluster_.database.fault = {};
  cluster_.database.stalled = false;
  filled();
  records_put_right();
  if (recover_at_end_) recover_when_behind();
  cluster_.start_control_plane();
  for (std::size_t i = 0; i < cluster_.size(); ++i) {
    cluster_.set_wall_clock(i, {});
    cluster_.set_disk(i, simkit::DiskState::Mode::good);
    for (const char* name : {"startz", "zmesh", "zrms", "zrun"}) cluster_.resume(i, name);
    cluster_.start_zhost(i);
  }
}

void Faults::later(stdx::Duration delay, std::function<void()> what) {
  cluster_.world.schedule(delay, "fault_end", [this, what = std::move(what)] {
    if (cluster_.world.now() < until_) what();
  });
}

void Faults::when(std::function<bool()> so, stdx::Duration bound, std::function<void()> what) {
  if (so()) return what();
  if (bound > 0s)
    later(100ms, [this, so = std::move(so), bound, what = std::move(what)] {
      when(so, bound - 100ms, what);
    });
}

void Faults::cut_both(const std::string& a, const std::string& b) {
  cluster_.network.cut(a, b);
  cluster_.network.cut(b, a);
}
void Faults::heal_both(const std::string& a, const std::string& b) {
  cluster_.network.heal(a, b);
  cluster_.network.heal(b, a);
}

std::vector<std::string> Faults::all_but(const std::vector<std::string>& ids) const {
  std::vector<std::string> list{"cp"};
  for (std::size_t i = 0; i < cluster_.size(); ++i)
    if (std::find(ids.begin(), ids.end(), Cluster::id(i)) == ids.end())
      list.push_back(Cluster::id(i));
  return list;
}

void Faults::crash_for(stdx::Duration length, std::size_t zhost, const std::string& name) {
  for (stdx::Duration t = 0s; t < length; t += 100ms)
    later(t, [this, zhost, name] { cluster_.crash(zhost, name); });
}

void Faults::tell(const std::string& what) {
  ++count_;
  cluster_.world.trace(what);
  if (options_.explain) fmt::print("{:9.3f}  FAULT {}\n", seconds(cluster_.world.now()), what);
}

void Faults::next() {
  cluster_.world.schedule(ms(300, 2500), "fault", [this] {
    if (cluster_.world.now() >= until_) return;
    strike();
    if (!newest_ && prng_.chance(1, 4)) older_ = cluster_.database.copy();
    next();
  });
}

void Faults::strike() {
  switch (prng_.below(11)) {
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
      return prng_.chance(1, 2) ? story() : cut();
    case 9:
      if (prng_.chance(1, 3)) return records_back();
      return prng_.chance(1, 3) ? wall_clock() : no_data_link();
    default:
      return prng_.chance(1, 2) ? control_plane() : weather();
  }
}

// As long as a cut lasts, and a moment after, it may silence somebody.
void Faults::disturb_for(stdx::Duration length, std::vector<std::string> ids) {
  const auto disturb = [this, ids = std::move(ids)] {
    for (const auto& id : ids) cluster_.checker.disturbed(id, cluster_.world.now());
  };
  disturb();
  for (stdx::Duration t = 1s; t < length; t += 1s) later(t, disturb);
  later(length, disturb);
}

void Faults::crash() {
  static constexpr const char* names[] = {"zmesh", "zrms", "zrun", "zrun"};
  const auto z = zhost();
  const std::string name = names[prng_.below(4)];
  tell(stdx::format("crash {}/{}", Cluster::id(z), name));
  const int times = prng_.chance(1, 4) ? 6 : 1;  // past the restart grace
  for (int i = 0; i < times; ++i) later(200ms * i, [this, z, name] { cluster_.crash(z, name); });
}

void Faults::kill() {
  const auto z = zhost();
  tell(stdx::format("kill {}", Cluster::id(z)));
  cluster_.kill_zhost(z);
  later(ms(200, 9000), [this, z] { cluster_.start_zhost(z); });
}

void Faults::cut() {
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

void Faults::pause() {
  static constexpr const char* names[] = {"startz", "zmesh", "zrms", "zrun"};
  const auto z = zhost();
  const std::string name = names[prng_.below(4)];
  tell(stdx::format("pause {}/{}", Cluster::id(z), name));
  cluster_.pause(z, name);
  later(ms(100, 7000), [this, z, name] { cluster_.resume(z, name); });
}

void Faults::database() {
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
void Faults::emptied() {
  tell("database emptied");
  // Whoever thinks so: the one that is followed by another may not know yet.
  for (std::size_t at = 0; at < cluster_.size(); ++at)
    if (const auto* zrms = cluster_.zrms_of(at); zrms != nullptr && zrms->leads())
      cluster_.crash(at, "zrms");
  cluster_.database.emptied = true;
  later(9s, [this] { filled(); });
}

// Only rows were hidden, and no change was taken back. A zrms that read none of them meanwhile
// would never ask for them: also one that is paused now, and leads again when it goes on.
void Faults::filled() {
  if (!std::exchange(cluster_.database.emptied, false)) return;
  for (std::size_t i = 0; i < cluster_.size(); ++i) cluster_.crash(i, "zrms");
}

void Faults::control_plane() {
  tell("kill control plane");
  cluster_.kill_control_plane();
  later(ms(200, 8000), [this] { cluster_.start_control_plane(); });
}

void Faults::weather() {
  auto& faults = cluster_.network.faults;
  faults.loss_per_mille = static_cast<std::uint32_t>(prng_.below(150));
  faults.duplicate_per_mille = static_cast<std::uint32_t>(prng_.below(100));
  faults.reorder_per_mille = static_cast<std::uint32_t>(prng_.below(100));
  faults.reorder_max = ms(10, 400);
  faults.latency_max = ms(1, 60);
  tell(stdx::format("weather loss {} duplicate {} reorder {}", faults.loss_per_mille,
                    faults.duplicate_per_mille, faults.reorder_per_mille));
}

// Messages between the two stand still, until the link is given up and they are relayed.
void Faults::no_data_link() {
  const auto a = Cluster::id(zhost()), b = Cluster::id(zhost());
  if (a == b) return;
  tell(stdx::format("no data link between {} and {}", a, b));
  cluster_.network.stall(a, b, "zrun");
  later(ms(2000, 20000), [this, a, b] { cluster_.network.unstall(a, b, "zrun"); });
}

// --- disks: in one run of five, beside everything else ---

void Faults::disks() {
  later(std::chrono::milliseconds(disk_prng_.between(500, 6000)), [this] {
    disk();
    disks();
  });
}

// One zhost's, for its archives and the data of its spaces; or the one under the records.
void Faults::disk() {
  using Mode = simkit::DiskState::Mode;
  const auto length = std::chrono::milliseconds(disk_prng_.between(300, 12000));
  if (disk_prng_.chance(1, 5)) {
    tell("the disk of the records stalls");
    cluster_.database.stalled = true;
    return later(length, [this] { cluster_.database.stalled = false; });
  }
  static constexpr std::pair<Mode, const char*> modes[] = {
      {Mode::full, "is full"}, {Mode::failing, "fails"}, {Mode::stalled, "stalls"}};
  const auto& [mode, name] = modes[disk_prng_.below(3)];
  const auto z = disk_prng_.below(cluster_.size());
  tell(stdx::format("the disk of {} {}", Cluster::id(z), name));
  cluster_.set_disk(z, mode);
  later(length, [this, z] { cluster_.set_disk(z, Mode::good); });
}

// Somebody sets it, up to an hour ahead or back.
void Faults::wall_clock() {
  const auto z = zhost();
  const auto offset = ms(-3'600'000, 3'600'000);
  tell(stdx::format("wall clock of {} is off by {} s", Cluster::id(z), stdx::to_ms(offset) / 1000));
  cluster_.set_wall_clock(z, offset);
}

}  // namespace sim
