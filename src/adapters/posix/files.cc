// SPDX-License-Identifier: Apache-2.0
#include "adapters/posix/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "stdx/text.h"

namespace adapters::posix {

using stdx::Code;

namespace {

std::unexpected<stdx::Error> system_fail(const std::string& path) {
  const auto code = errno == ENOENT                      ? Code::not_found
                    : errno == ENOSPC || errno == EDQUOT ? Code::full
                                                         : Code::failed;
  return stdx::fail(code, path + ": " + std::strerror(errno));
}

stdx::Status sync_folder(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return system_fail(path);
  const bool good = fsync(fd) == 0;
  close(fd);
  if (!good) return system_fail(path);
  return {};
}

stdx::Result<stdx::Bytes> read_all(int fd, const std::string& path, std::size_t bytes_max) {
  stdx::Bytes content;
  char chunk[65536];
  for (;;) {
    const auto n = read(fd, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_fail(path);
    if (n == 0) return content;
    content.append(chunk, static_cast<std::size_t>(n));
    if (content.size() > bytes_max)
      return stdx::fail(Code::invalid, stdx::format("{} is larger than {} bytes", path, bytes_max));
  }
}

// Writes all, syncs and closes.
stdx::Status fill(int fd, const std::string& path, stdx::BytesView content) {
  while (!content.empty()) {
    const auto n = write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      auto error = system_fail(path);
      close(fd);
      return error;
    }
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  const bool synced = fsync(fd) == 0;
  close(fd);
  if (!synced) return system_fail(path);
  return {};
}

std::string folder_of(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

// Missing ones get mode 0700; those that are there stay as they are.
stdx::Status make_missing_folders(const std::string& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) == 0) return {};
  if (const auto parent = folder_of(path); parent != path) TRY(make_missing_folders(parent));
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return system_fail(path);
  return {};
}

}  // namespace

stdx::Result<stdx::Bytes> read_standard_input(std::size_t bytes_max) {
  return read_all(STDIN_FILENO, "standard input", bytes_max);
}

stdx::Result<stdx::Bytes> read_file(const std::string& path, std::size_t bytes_max) {
  // Not blocking: to open a pipe that nobody writes to would wait for ever.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return system_fail(path);
  struct stat info{};
  if (fstat(fd, &info) == 0 &&
      (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode) || S_ISDIR(info.st_mode))) {
    close(fd);
    return stdx::fail(stdx::Code::invalid, stdx::format("{}: it is a {}, and no file", path,
                                                        S_ISDIR(info.st_mode) ? "folder" : "pipe"));
  }
  auto content = read_all(fd, path, bytes_max);
  close(fd);
  return content;
}

stdx::Status replace_file(const std::string& path, stdx::BytesView content, unsigned mode) {
  const std::string temporary = path + ".new";
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return system_fail(temporary);
  if (auto filled = fill(fd, temporary, content); !filled) {
    unlink(temporary.c_str());  // half of it takes room, and serves nobody
    return filled;
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) return system_fail(path);
  return sync_folder(std::filesystem::path(path).parent_path().string());
}

stdx::Result<stdx::Bytes> read_secret_file(const std::string& path, std::size_t bytes_max) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return system_fail(path);
  struct stat info{};
  stdx::Result<stdx::Bytes> content;
  if (fstat(fd, &info) != 0)
    content = system_fail(path);
  else if (info.st_uid != geteuid())
    content = stdx::fail(Code::denied, stdx::format("{} belongs to another user", path));
  else if ((info.st_mode & 077) != 0)
    content = stdx::fail(
        Code::denied,
        stdx::format("{} is open to others (mode {:04o}), so it is no secret; run `chmod 600 {}`",
                     path, info.st_mode & 07777, path));
  else
    content = read_all(fd, path, bytes_max);
  close(fd);
  return content;
}

stdx::Status create_secret_file(const std::string& path, stdx::BytesView content) {
  TRY(make_missing_folders(folder_of(path)));
  // Under its name only when it is whole: who reads it meanwhile finds nothing or all of it.
  const auto temporary = stdx::format("{}.{}.new", path, getpid());
  unlink(temporary.c_str());  // of a process that had our number
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return system_fail(temporary);
  if (auto filled = fill(fd, temporary, content); !filled) {
    unlink(temporary.c_str());
    return filled;
  }
  const bool linked = link(temporary.c_str(), path.c_str()) == 0;
  const bool there = !linked && errno == EEXIST;
  const auto error = system_fail(path);
  unlink(temporary.c_str());
  if (there) return stdx::fail(Code::already_exists, path + " is there");
  if (!linked) return error;
  return sync_folder(folder_of(path));
}

stdx::Status make_private_folder(const std::string& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) {
    if (errno != ENOENT) return system_fail(path);
    TRY(make_missing_folders(path));
    if (stat(path.c_str(), &info) != 0) return system_fail(path);
  }
  const auto own = path + (path.ends_with('/') ? "samoza" : "/samoza");
  if (!S_ISDIR(info.st_mode)) return stdx::fail(Code::invalid, path + " is not a folder");
  if (info.st_uid != geteuid())
    return stdx::fail(Code::denied,
                      stdx::format("{} belongs to another user (uid {}). Name a folder of this "
                                   "user's own, such as {}; it is made when it is missing",
                                   path, info.st_uid, own));
  if ((info.st_mode & 077) != 0)
    return stdx::fail(
        Code::denied,
        stdx::format("{} is open to others (mode {:04o}), and Samoza does not change a folder that "
                     "it did not make. Name a folder of its own, such as {}, which is made when it "
                     "is missing; or, if nothing else uses this one, run `chmod 700 {}`",
                     path, info.st_mode & 07777, own, path));
  return {};
}

stdx::Status overwrite_file(const std::string& path, stdx::BytesView content) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return system_fail(path);
  struct stat info{};
  if (fstat(fd, &info) != 0 || static_cast<std::size_t>(info.st_size) < content.size()) {
    close(fd);
    return stdx::fail(Code::full, path + " has no room for the new content");
  }
  return fill(fd, path, content);
}

stdx::Result<FileLock> FileLock::take(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return system_fail(path);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const bool held = errno == EWOULDBLOCK;
    auto error = system_fail(path);
    close(fd);
    if (held)
      return stdx::fail(Code::already_exists,
                        stdx::format("{} is held by another process: a zhost with this run_dir "
                                     "lives; stop it or choose another run_dir",
                                     path));
    return error;
  }
  return FileLock(fd);
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock::~FileLock() {
  if (fd_ >= 0) close(fd_);
}

stdx::Status hold_shared_lock(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return system_fail(path);
  if (flock(fd, LOCK_SH | LOCK_NB) != 0) {
    auto error = system_fail(path);
    close(fd);
    return error;
  }
  return {};  // never closed: the lock lives as long as the process
}

}  // namespace adapters::posix
