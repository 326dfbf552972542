// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::DataStore: one SQLite file for each (topology, space) under a folder, all on one I/O
// thread. A commit answers after its fsync. The file remembers the highest (epoch, run) that opened
// it and refuses older ones, also their late commits (P10).
//
// Stores never take the last disk_reserve_bytes of their disk (at most a twentieth of it): startz,
// the control plane and the logs need them to go on. A commit that only deletes is taken always.

#include <memory>

#include "ports/data_store.h"
#include "ports/executor.h"
#include "ports/metrics.h"

namespace adapters::data_sqlite {

class SqliteDataStore final : public ports::DataStore {
 public:
  // Calls that wait, of all spaces; a space waits for one at a time. Further ones answer
  // Code::unavailable and are counted.
  static constexpr std::size_t calls_max = 16'384;

  struct Options {
    std::string folder;
    std::size_t open_max = 256;  // files that are open at a time (open_stores.h)
    std::uint64_t disk_reserve_bytes = 0;
  };
  struct Numbers {  // where they are given they outlive the store
    ports::Counter* refused = nullptr;
    ports::Gauge* open = nullptr;
    ports::Counter* no_space = nullptr;  // commits refused for want of room
  };

  SqliteDataStore(ports::Executor& executor, Options options, Numbers numbers);
  SqliteDataStore(ports::Executor& executor, Options options)
      : SqliteDataStore(executor, std::move(options), Numbers()) {}
  ~SqliteDataStore() override;
  void open(const model::InstanceId& instance, Expect expect, std::uint64_t bytes_max,
            ports::SpaceData::Done<std::shared_ptr<ports::SpaceData>> done) override;
  void remove(const model::SpaceKey& key) override;

  struct Shared;

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace adapters::data_sqlite
