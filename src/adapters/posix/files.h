// SPDX-License-Identifier: Apache-2.0
#pragma once

// Small files and folders of a zhost: read whole, replaced whole, locked.

#include <memory>
#include <string>

#include "stdx/bytes.h"
#include "stdx/result.h"

namespace adapters::posix {

stdx::Result<stdx::Bytes> read_file(const std::string& path, std::size_t bytes_max);
// To its end.
stdx::Result<stdx::Bytes> read_standard_input(std::size_t bytes_max);
// Written beside it, fsync'd, renamed over it, folder fsync'd. Code::full: the disk has no room.
stdx::Status replace_file(const std::string& path, stdx::BytesView content, unsigned mode = 0600);
// In place, without taking any room: for a disk that is full. Code::full where the file is shorter
// than the content; the rest of a longer one stays. A crash may leave part of both.
stdx::Status overwrite_file(const std::string& path, stdx::BytesView content);
// Made with mode 0700 where it is missing, its parents too. One that is there is never changed:
// Code::denied where it belongs to another user or is open to others; the message has the way out.
stdx::Status make_private_folder(const std::string& path);

// A file with a secret of this user. Code::denied where it belongs to another or where group or
// others may read or write it: then it is no secret.
stdx::Result<stdx::Bytes> read_secret_file(const std::string& path, std::size_t bytes_max);
// Made whole at once, mode 0600, missing parents 0700. Code::already_exists where it is there; then
// nothing is changed.
stdx::Status create_secret_file(const std::string& path, stdx::BytesView content);

// An exclusive lock on a file, held by this process and inherited by nobody; released when the
// process ends, however it ends (P12: no process of the former incarnation lives).
class FileLock {
 public:
  // Code::already_exists when another process holds it.
  static stdx::Result<FileLock> take(const std::string& path);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

// A shared lock on the same file, for the children of startz: while one lives, `take` of the next
// startz fails. Held until the process ends.
stdx::Status hold_shared_lock(const std::string& path);

}  // namespace adapters::posix
