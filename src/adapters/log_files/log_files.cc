// SPDX-License-Identifier: Apache-2.0
#include "adapters/log_files/log_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>

#include "adapters/log_files/log_text.h"
#include "adapters/posix/disk_room.h"
#include "adapters/posix/files.h"
#include "adapters/posix/worker.h"
#include "stdx/text.h"

namespace adapters::log_files {

namespace fs = std::filesystem;
using stdx::Code;

namespace {

using namespace std::chrono_literals;
constexpr auto sweep_interval = 1h;

struct Pending {
  std::string text;
  std::size_t lines = 0;
};

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

// All of it or, where the disk is full, nothing.
bool append_to(const std::string& path, std::string_view bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  struct stat now{};
  bool good = ::fstat(fd, &now) == 0 && write_all(fd, bytes);
  if (!good && ::ftruncate(fd, now.st_size) != 0) good = false;
  ::close(fd);
  return good;
}

bool replace(const std::string& path, std::string_view bytes) {
  const auto fresh = path + ".new";
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const bool good = write_all(fd, bytes);
  ::close(fd);
  if (good && ::rename(fresh.c_str(), path.c_str()) == 0) return true;
  ::unlink(fresh.c_str());
  return false;
}

}  // namespace

struct LogFiles::Impl {
  ports::Executor& executor;
  const Options options;
  ports::Counter& unwritten;
  std::mutex mutex;
  std::map<model::SpaceKey, Pending> pending;
  std::size_t pending_bytes = 0;
  bool posted = false;
  std::chrono::steady_clock::time_point swept{};  // of the thread
  std::unique_ptr<posix::Worker> thread;

  Impl(ports::Executor& e, Options o, ports::Counter& u)
      : executor(e),
        options(std::move(o)),
        unwritten(u),
        thread(std::make_unique<posix::Worker>(jobs_max)) {}

  std::string folder_of(const model::SpaceKey& key) const {
    return options.folder + "/" + key.topology.value;
  }
  std::string path_of(const model::SpaceKey& key) const {
    return folder_of(key) + "/" + key.space + ".log";
  }

  // --- on the thread ---
  void write_pending() {
    std::map<model::SpaceKey, Pending> taken;
    {
      const std::lock_guard lock(mutex);
      taken.swap(pending);
      pending_bytes = 0;
      posted = false;
    }
    if (taken.empty()) return;
    std::uint64_t bytes = 0;
    for (const auto& [key, lines] : taken) bytes += lines.text.size();
    const bool room =
        posix::check_disk_room(options.folder, options.disk_reserve_bytes, bytes).has_value();
    for (const auto& [key, lines] : taken)
      if (!room || !write(key, lines.text)) unwritten.add(lines.lines);
  }
  bool write(const model::SpaceKey& key, std::string_view text) const {
    const auto path = path_of(key);
    std::error_code error;
    if (!fs::exists(folder_of(key), error) && !posix::make_private_folder(folder_of(key)))
      return false;
    const auto size = fs::file_size(path, error);
    if (error || size == 0) return append_to(path, shrunk_to_fit(text));
    if (size + text.size() <= options.file_bytes_max) return append_to(path, text);
    auto whole = posix::read_file(path, options.file_bytes_max * 2);
    return replace(path, shrunk_to_fit(whole.value_or("") + std::string(text)));
  }
  std::string shrunk_to_fit(std::string_view text) const {
    if (text.size() <= options.file_bytes_max) return std::string(text);
    return shrunk(text, options.file_bytes_max / 2, options.file_bytes_max / 4);
  }
  stdx::Result<std::vector<ports::LogLine>> read(const model::SpaceKey& key) const {
    std::error_code error;
    if (!fs::exists(path_of(key), error)) return std::vector<ports::LogLine>();
    TRY_ASSIGN(const auto text, posix::read_file(path_of(key), options.file_bytes_max * 2));
    return parse_file(text);
  }
  void sweep() {
    const auto now = std::chrono::steady_clock::now();
    if (swept != decltype(swept){} && now - swept < sweep_interval) return;
    swept = now;
    struct File {
      fs::file_time_type written;
      fs::path path;
      std::uint64_t bytes;
    };
    std::vector<File> files;
    std::uint64_t all = 0;
    std::error_code error;
    for (fs::recursive_directory_iterator at(options.folder, error), end; !error && at != end;
         at.increment(error)) {
      std::error_code gone;
      if (!at->is_regular_file(gone) || at->path().extension() != ".log") continue;
      files.push_back({at->last_write_time(gone), at->path(), at->file_size(gone)});
      if (gone)
        files.pop_back();
      else
        all += files.back().bytes;
    }
    std::sort(files.begin(), files.end(),
              [](const File& a, const File& b) { return a.written < b.written; });
    const auto oldest = fs::file_time_type::clock::now() - options.kept_for;
    for (const auto& file : files) {
      if (file.written >= oldest && all <= options.all_bytes_max) break;
      all -= file.bytes;
      remove_file(file.path);
    }
  }
  static void remove_file(const fs::path& path) {
    std::error_code ignored;
    fs::remove(path, ignored);
    fs::remove(path.parent_path(), ignored);  // only where it is empty
  }
};

LogFiles::LogFiles(ports::Executor& executor, Options options, ports::Counter& unwritten)
    : impl_(std::make_unique<Impl>(executor, std::move(options), unwritten)) {}

LogFiles::~LogFiles() {
  impl_->thread.reset();
  impl_->write_pending();
}

void LogFiles::append(const model::SpaceKey& key, ports::LogLine line) {
  auto& my = *impl_;
  auto text = to_text(line);
  const std::lock_guard lock(my.mutex);
  if (my.pending_bytes + text.size() > my.options.pending_bytes_max) return my.unwritten.add();
  my.pending_bytes += text.size();
  auto& lines = my.pending[key];
  lines.text += text;
  ++lines.lines;
  if (my.posted) return;
  // Where the queue is full, what is in it writes this too, or the next line asks again.
  my.posted = my.thread->post([&my] {
    my.sweep();
    my.write_pending();
  });
}

void LogFiles::read(const model::SpaceKey& key, Lines done) {
  auto& my = *impl_;
  const bool taken = my.thread->post([&my, key, done] {
    my.write_pending();
    my.executor.post([done, lines = my.read(key)] { done(lines); });
  });
  if (!taken)
    my.executor.post([done] {
      done(stdx::fail(Code::full, stdx::format("{} calls wait for the disk already", jobs_max)));
    });
}

void LogFiles::remove(const model::SpaceKey& key) {
  auto& my = *impl_;
  my.thread->release([&my, key] {
    my.write_pending();
    Impl::remove_file(my.path_of(key));
  });
}

}  // namespace adapters::log_files
