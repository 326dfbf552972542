// SPDX-License-Identifier: Apache-2.0
#pragma once

// Records for the tests of zrms: one topology "t" and its spaces, as the database would give them.

#include "wire/topology_codec.h"
#include "zrms/records.h"

namespace zrms {

struct TestRecords {
  Records records;
  v1::RecordsReply rows;
  bool hold = false;  // rows are new, and are loaded by hand

  void topology(const model::Topology& spec, v1::Desired desired = v1::DESIRED_RUNNING) {
    v1::TopologyRecord record;
    record.set_id("t");
    record.set_desired(desired);
    record.set_state("pending");
    *record.mutable_spec() = wire::to_wire(spec);
    add("topology", "t", record.SerializeAsString());
  }
  v1::SpaceRecord space(const std::string& name, const std::string& zhost, std::uint64_t epoch,
                        const std::string& state = "running", bool tombstone = false) {
    v1::SpaceRecord record;
    record.set_topology_id("t");
    record.set_space(name);
    record.set_zhost(zhost);
    record.set_incarnation(1);
    record.set_epoch(epoch);
    record.set_state(state);
    record.set_tombstone(tombstone);
    record.add_held_by(zhost);
    add("space", "t/" + name, record.SerializeAsString());
    return record;
  }
  void add(const std::string& kind, const std::string& key, const std::string& value) {
    if (!hold)
      for (auto& row : *rows.mutable_records())
        if (row.kind() == kind && row.key() == key) {
          row.set_value(value);
          row.set_version(row.version() + 1);
          return records.load(rows);
        }
    auto* row = rows.add_records();
    row->set_kind(kind);
    row->set_key(key);
    row->set_value(value);
    row->set_version(1);
    if (!hold) records.load(rows);
  }
};

}  // namespace zrms
