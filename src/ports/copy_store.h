// SPDX-License-Identifier: Apache-2.0
#pragma once

// Copies of the control plane's records that this zhost keeps on its disk. The newest `kept` ones
// stay, and of those as many as have `bytes_max` bytes together; one that is put pushes the oldest
// out. Every call answers once, on the service's loop.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "stdx/bytes.h"
#include "stdx/result.h"

namespace ports {

struct RecordsCopy {
  std::string lineage;
  std::uint64_t counter = 0, term = 0;
  std::string sha256;  // of the bytes
  std::uint64_t bytes = 0;
  std::uint64_t made = 0;  // seconds since 1970, by the clock of its maker
  bool damaged = false;    // its bytes did not match when they were read last
};

class CopyStore {
 public:
  template <typename T>
  using Done = std::function<void(stdx::Result<T>)>;
  using Stored = std::function<void(stdx::Status)>;

  virtual ~CopyStore() = default;

  // Whether there is room for a copy of so many bytes. Code::full: it is over the bound, or the
  // disk would go below what is kept for others; the message says which.
  virtual void check_room(std::uint64_t bytes, Stored done) = 0;
  // On the disk, whole, when it is answered (fsync of file and folder). Code::full as above;
  // Code::corrupt: the bytes have another hash. Then nothing of it remains.
  virtual void put(RecordsCopy copy, stdx::Bytes bytes, Stored done) = 0;
  // Code::not_found; Code::corrupt: the bytes do not match any more. It is listed as damaged then.
  virtual void get(const std::string& sha256, Done<stdx::Bytes> done) = 0;
  // Newest first, by the order in which they came. From memory.
  virtual std::vector<RecordsCopy> list() const = 0;
};

}  // namespace ports
