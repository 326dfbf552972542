// SPDX-License-Identifier: Apache-2.0
#pragma once

// What data.* of a guest stands on: one small ordered key-value store for each space, local to its
// zhost. Asynchronous; every call answers once, on the loop of zrun. A commit answers when it is on
// disk. A store opened by a newer (epoch, run) refuses older ones from then on, durably (P10).
//
// Beside the guest's keys a store has records: a reserved area that no call of the guest reaches,
// where zrun keeps what must change in one transaction with the guest's data (zrun/ledger.h).

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/ids.h"
#include "stdx/bytes.h"
#include "stdx/result.h"

namespace ports {

struct DataWrite {
  stdx::Bytes key;
  std::optional<stdx::Bytes> value;  // absent: delete
};

struct DataBatch {
  std::vector<DataWrite> writes;   // the guest's keys
  std::vector<DataWrite> records;  // the reserved area
};

struct DataRecord {
  stdx::Bytes key, value;
  bool operator==(const DataRecord&) const = default;
};

class SpaceData {
 public:
  static constexpr std::size_t key_bytes_max = 512;
  static constexpr std::size_t value_bytes_max = 1u << 20;

  template <typename T>
  using Done = std::function<void(stdx::Result<T>)>;

  virtual ~SpaceData() = default;
  // All or none, of both areas. Answers how many of the guest's keys were there before. Code::full:
  // bytes_max is reached. Code::unavailable: the disk has no room now, or too many calls wait. With
  // both nothing was changed. Code::unknown: the disk failed; the next call reads what it holds.
  virtual void commit(DataBatch batch, Done<std::size_t> done) = 0;
  // Every record, in byte order of the keys.
  virtual void records(Done<std::vector<DataRecord>> done) = 0;
  virtual void get(stdx::Bytes key, Done<std::optional<stdx::Bytes>> done) = 0;
  // Keys with `prefix`, behind `after`, in byte order, up to `bytes_max` of key bytes and 4 each;
  // one at least, however long: where there is none, it is the end.
  virtual void list(stdx::Bytes prefix, stdx::Bytes after, std::size_t bytes_max,
                    Done<std::vector<stdx::Bytes>> done) = 0;
};

class DataStore {
 public:
  virtual ~DataStore() = default;
  // Whether a store that is not there may be made. `there`: the space has run with its store
  // before, and Code::not_found says that it is gone: losing one is never hidden by starting empty.
  enum class Expect { nothing, there };
  // bytes_max bounds what it may hold, keys and values with what the store itself needs (0: no
  // bound); a commit past it is Code::full and changes nothing.
  // Code::stale for an instance older than one that opened it before. Code::unavailable where
  // the disk or the process has no room for it now; that may pass.
  virtual void open(const model::InstanceId& instance, Expect expect, std::uint64_t bytes_max,
                    SpaceData::Done<std::shared_ptr<SpaceData>> done) = 0;
  // The space is deleted: its data goes too.
  virtual void remove(const model::SpaceKey& key) = 0;
};

}  // namespace ports
