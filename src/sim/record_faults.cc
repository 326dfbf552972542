// SPDX-License-Identifier: Apache-2.0
// The database goes back (P15). Only while nothing else is broken, so that the zhosts do know of
// what is taken from it, and for a while: an operator has the newest one and puts it in its place
// again. Until then nobody may be placed, moved or admitted.
#include "sim/faults.h"
#include "stdx/text.h"
#include "wire/frame.h"

namespace sim {

using namespace std::chrono_literals;

void Faults::records_back() {
  // A copy of which something is missing, and not only a renewal of the term.
  const bool emptied = prng_.chance(1, 3);
  if (newest_ || cluster_.database.emptied || cluster_.database.fault ||
      !cluster_.control_plane_up() || !cluster_.settled() ||
      (!emptied && older_.revision >= cluster_.database.revision()))
    return;
  tell(emptied ? std::string("records emptied")
               : stdx::format("records go back from change {} to {}", cluster_.database.revision(),
                              older_.revision));
  newest_ = cluster_.database.copy();
  cluster_.kill_control_plane();
  cluster_.database.put(emptied ? Content{} : older_);
  later(ms(200, 2000), [this] { cluster_.start_control_plane(); });
  later(ms(6000, 12000), [this] {
    records_put_right();
    later(500ms, [this] { cluster_.start_control_plane(); });
  });
}

void Faults::records_put_right() {
  if (!newest_) return;
  // Where somebody leads with it, its changes were told to operators: it is the newest one now, and
  // the checkers say what came of that.
  if (!cluster_.records_open() || cluster_.leader() < 0) {
    cluster_.kill_control_plane();
    cluster_.database.put(*newest_);
  }
  newest_.reset();
}

// --- the tail of the records is lost for good, and one zhost that is away knows of it ---
//
// A space is placed anew, and in the second after that batch the power goes: the database loses the
// batch, and every zhost but the space's new one loses what it heard of it (startz writes that once
// per second). The new one is cut off. So more than half of the members register, and none is
// ahead: the records open, and the same space is placed anew once more. Only a step of the epochs
// keeps it from getting the number that it has on the zhost that is away; and opening without
// waiting for more than half makes no such step. Later that zhost is back, and an operator recovers
// the records.

struct Faults::LostTail {
  std::string topology, space;
  std::size_t first = 0, second = 0;
  Content before;  // without the batch
  std::vector<v1::RecordsKnown> known;
};

namespace {

std::optional<v1::SpaceRecord> row_of(const adapters::store_memory::Database::Content& content,
                                      const std::string& key) {
  const auto row = content.rows.find({"space", key});
  if (row == content.rows.end()) return {};
  auto record = wire::parse<v1::SpaceRecord>(row->second.value);
  return record ? std::optional(*record) : std::nullopt;
}

// What operators were promised: which topologies there are, and what each is to do.
std::map<std::string, v1::Desired> promised(
    const adapters::store_memory::Database::Content& content) {
  std::map<std::string, v1::Desired> list;
  for (const auto& [key, row] : content.rows)
    if (key.first == "topology")
      if (const auto record = wire::parse<v1::TopologyRecord>(row.value))
        list[key.second] = record->desired();
  return list;
}

}  // namespace

void Faults::lost_tail() {
  const int leads = cluster_.leader();
  if (leads < 0 || cluster_.size() < 3) return;
  std::vector<v1::SpaceRecord> rows;
  for (const auto& [key, row] : cluster_.database.copy().rows) {
    if (key.first != "space") continue;
    // Topologies of operators ("w") are stopped and deleted meanwhile; data waits for its zhost.
    const auto record = wire::parse<v1::SpaceRecord>(row.value);
    if (record && record->state() == "running" && !record->has_data() &&
        record->space().starts_with("t") && record->zhost() != Cluster::id(leads))
      rows.push_back(*record);
  }
  if (rows.empty()) return;
  const auto& chosen = rows[prng_.below(rows.size())];
  auto tail = std::make_shared<LostTail>();
  tail->topology = chosen.topology_id();
  tail->space = chosen.space();
  tail->first = stdx::parse_u64(chosen.zhost().substr(1)).value();
  tell(stdx::format("the tail of the records is to be lost with the second place of {}, now on {}",
                    tail->space, chosen.zhost()));
  disturb_for(40s, all_but({}));
  cluster_.kill_zhost(tail->first);
  watch_tail(tail, 300);
}

void Faults::watch_tail(const std::shared_ptr<LostTail>& tail, int looks) {
  const auto now = cluster_.database.copy();
  const auto row = row_of(now, tail->topology + "/" + tail->space);
  if (looks == 0 || !row) return cluster_.start_zhost(tail->first);
  if (row->zhost() == Cluster::id(tail->first)) {
    tail->before = now;
    tail->known = cluster_.records_on_disks();
    return later(20ms, [this, tail, looks] { watch_tail(tail, looks - 1); });
  }
  tail->second = stdx::parse_u64(row->zhost().substr(1)).value();
  const auto runs = [this, tail] { return !cluster_.instances(tail->space).empty(); };
  when(runs, 1s, [this, tail] { lose_tail(tail); });
  later(1100ms, [this, tail] { cluster_.start_zhost(tail->first); });
}

void Faults::lose_tail(const std::shared_ptr<LostTail>& tail) {
  if (promised(tail->before) != promised(cluster_.database.copy())) return;
  const auto away = Cluster::id(tail->second);
  tell(stdx::format("the records lose changes {} to {}; {}, which runs {}, is cut off",
                    tail->before.revision + 1, cluster_.database.revision(), away, tail->space));
  for (const auto& other : all_but({away})) cut_both(away, other);
  cluster_.checker.absent(away);
  cluster_.kill_control_plane();
  cluster_.database.put(tail->before);
  cluster_.placements.records_lost();
  for (std::size_t z = 0; z < cluster_.size(); ++z) {
    if (z == tail->second) continue;
    cluster_.kill_zhost(z);
    cluster_.set_records_on_disk(z, tail->known[z]);
    later(ms(100, 1000), [this, z] { cluster_.start_zhost(z); });
  }
  later(ms(100, 1000), [this] { cluster_.start_control_plane(); });
  recover_at_end_ = true;
  later(25s, [this, tail, away] {
    for (const auto& other : all_but({away})) heal_both(away, other);
    cluster_.checker.present(away);
    cluster_.checker.disturbed(away, cluster_.world.now());
    recover_when_behind();
  });
}

// As an operator does who is told that the records are behind.
void Faults::recover_when_behind() {
  if (!newest_ && cluster_.records_behind())
    for (std::size_t z = 0; z < cluster_.size(); ++z)
      if (cluster_.zhost_up(z)) {
        cluster_.http(z, "POST", "/v1/cluster/recover", [](auto) {});
        break;
      }
  cluster_.world.schedule(2s, "operator", [this] { recover_when_behind(); });
}

}  // namespace sim
