// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::DataStore: one SQLite file for each (topology, space) under a folder, all on one I/O
// thread. A commit answers after its fsync. The file remembers the highest (epoch, run) that opened
// it and refuses older ones, also their late commits (P10).

#include <memory>

#include "ports/data_store.h"
#include "ports/executor.h"
#include "ports/metrics.h"

namespace adapters::data_sqlite {

class SqliteDataStore final : public ports::DataStore {
 public:
  // Calls that wait, of all spaces; a space waits for one at a time. Further ones answer Code::full
  // and are counted.
  static constexpr std::size_t calls_max = 16'384;

  SqliteDataStore(ports::Executor& executor, std::string folder, ports::Counter* refused = nullptr);
  ~SqliteDataStore() override;
  void open(const model::InstanceId& instance, Expect expect,
            ports::SpaceData::Done<std::shared_ptr<ports::SpaceData>> done) override;
  void remove(const model::SpaceKey& key) override;

  struct Shared;

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace adapters::data_sqlite
