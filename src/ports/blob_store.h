// SPDX-License-Identifier: Apache-2.0
#pragma once

// MEX archives by their SHA-256, in lower-case hex. `put` answers when the bytes and their name are
// on disk (fsync of file and folder); `get` checks the hash before it answers.

#include <functional>
#include <string>
#include <vector>

#include "stdx/bytes.h"
#include "stdx/result.h"

namespace ports {

class BlobStore {
 public:
  static constexpr std::size_t blob_bytes_max = 256u << 20;
  template <typename T>
  using Done = std::function<void(stdx::Result<T>)>;

  virtual ~BlobStore() = default;
  // Answers with the hash. Storing what is there already changes nothing.
  virtual void put(stdx::Bytes blob, Done<std::string> done) = 0;
  // As put, of bytes that somebody says have this hash. Code::corrupt when they have another one;
  // then nothing is stored, and nothing that was here before goes.
  virtual void put_as(const std::string& sha256, stdx::Bytes blob, Done<std::string> done) = 0;
  // Code::not_found, or Code::corrupt when the bytes no longer match their name (the file is then
  // set aside, so that it can be fetched again).
  virtual void get(const std::string& sha256, Done<stdx::Bytes> done) = 0;
  // What is here as far as this process knows: answered from memory. `get` is the proof.
  virtual bool has(const std::string& sha256) const = 0;
  virtual std::vector<std::string> list() const = 0;  // sorted
  // One that the disk does not let go is listed again.
  virtual void remove(const std::string& sha256) = 0;
};

}  // namespace ports
