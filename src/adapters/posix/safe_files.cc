// SPDX-License-Identifier: Apache-2.0
#include "adapters/posix/safe_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "stdx/text.h"

namespace adapters::posix {

using stdx::Code;

namespace {

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

std::unexpected<stdx::Error> system_fail(const std::string& path) {
  return stdx::fail(errno == ENOENT ? Code::not_found : Code::failed,
                    path + ": " + std::strerror(errno));
}

std::unexpected<stdx::Error> is_link(const std::string& path, unsigned uid) {
  return stdx::fail(Code::denied,
                    stdx::format("{} is a link that user {} made, and root does not follow it; "
                                 "remove it, or name the folder that it leads to",
                                 path, uid));
}

// The folder `name` of `at`, made where it is missing and `make` says so.
stdx::Result<Fd> step(const Fd& at, const std::string& name, const std::string& path, bool make) {
  struct stat info{};
  if (fstatat(at.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT || !make) return system_fail(path);
    if (mkdirat(at.get(), name.c_str(), 0755) != 0 && errno != EEXIST) return system_fail(path);
  } else if (S_ISLNK(info.st_mode)) {
    if (info.st_uid != 0 && info.st_uid != geteuid()) return is_link(path, info.st_uid);
    Fd next(openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (next.get() < 0) return system_fail(path);
    return next;
  }
  Fd next(openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (next.get() < 0) return system_fail(path);
  return next;
}

stdx::Result<Fd> open_folder(const std::string& path, bool make) {
  Fd at(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::error_code error;
  std::filesystem::path so_far = "/";
  for (const auto& part : std::filesystem::absolute(path, error).lexically_normal()) {
    if (part.empty() || part == "/") continue;
    so_far /= part;
    TRY_ASSIGN(at, step(at, part.string(), so_far.string(), make));
  }
  return at;
}

stdx::Status fill(const Fd& fd, const std::string& path, stdx::BytesView content) {
  while (!content.empty()) {
    const auto n = write(fd.get(), content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_fail(path);
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  if (fsync(fd.get()) != 0) return system_fail(path);
  return {};
}

}  // namespace

stdx::Status write_file_safely(const std::string& path, stdx::BytesView content, unsigned mode,
                               std::optional<Owner> owner) {
  const std::filesystem::path whole(path);
  const auto name = whole.filename().string();
  TRY_ASSIGN(const auto folder, open_folder(whole.parent_path().string(), false));
  struct stat info{};
  if (fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode))
    return is_link(path, info.st_uid);
  const auto temporary = stdx::format(".{}.{}.new", name, getpid());
  unlinkat(folder.get(), temporary.c_str(), 0);  // of a process that had our number
  const Fd file(openat(folder.get(), temporary.c_str(),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.get() < 0) return system_fail(path);
  auto done = [&]() -> stdx::Status {
    if (owner && fchown(file.get(), owner->uid, owner->gid) != 0) return system_fail(path);
    if (fchmod(file.get(), mode) != 0) return system_fail(path);
    TRY(fill(file, path, content));
    if (renameat(folder.get(), temporary.c_str(), folder.get(), name.c_str()) != 0)
      return system_fail(path);
    if (fsync(folder.get()) != 0) return system_fail(path);
    return {};
  }();
  if (!done) unlinkat(folder.get(), temporary.c_str(), 0);
  return done;
}

stdx::Status make_folder_safely(const std::string& path, unsigned mode,
                                std::optional<Owner> owner) {
  TRY_ASSIGN(const auto folder, open_folder(path, true));
  struct stat info{};
  if (fstat(folder.get(), &info) != 0) return system_fail(path);
  const auto wanted = owner ? owner->uid : geteuid();
  if (info.st_uid != wanted && info.st_uid != 0)
    return stdx::fail(Code::denied,
                      stdx::format("{} belongs to another user (uid {})", path, info.st_uid));
  if (owner && info.st_uid != owner->uid && fchown(folder.get(), owner->uid, owner->gid) != 0)
    return system_fail(path);
  if (fchmod(folder.get(), mode) != 0) return system_fail(path);
  return {};
}

}  // namespace adapters::posix
