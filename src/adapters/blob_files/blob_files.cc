// SPDX-License-Identifier: Apache-2.0
#include "adapters/blob_files/blob_files.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <optional>
#include <set>

#include "adapters/crypto/crypto.h"
#include "adapters/posix/files.h"
#include "adapters/posix/worker.h"
#include "stdx/encoding.h"
#include "stdx/text.h"

namespace adapters::blob_files {

namespace fs = std::filesystem;
using stdx::Code;

struct BlobFiles::Worker {
  ports::Executor& executor;
  posix::Worker thread;
  Worker(ports::Executor& e, ports::Counter* refused) : executor(e), thread(calls_max, refused) {}

  template <typename T>
  void run(Done<T> done, std::move_only_function<stdx::Result<T>()> work) {
    const bool taken = thread.post([this, done, work = std::move(work)]() mutable {
      auto result = work();
      // Moved: a copy of an archive would hold up the loop.
      executor.post([done = std::move(done), result = std::move(result)]() mutable {
        done(std::move(result));
      });
    });
    if (taken) return;
    executor.post([done = std::move(done)] {
      done(stdx::fail(Code::full, stdx::format("{} calls wait for the disk already", calls_max)));
    });
  }
};

namespace {

bool is_hash(const std::string& text) {
  return text.size() == 64 && stdx::hex_decode(text);
}

stdx::Result<std::string> name_of(const stdx::Bytes& blob) {
  if (blob.size() > ports::BlobStore::blob_bytes_max)
    return stdx::fail(Code::invalid,
                      stdx::format("a MEX has at most {} bytes", ports::BlobStore::blob_bytes_max));
  return crypto::sha256_hex(blob);
}

}  // namespace

// The folder with its index; outlives the jobs that use it.
class BlobFiles::Folder {
 public:
  explicit Folder(std::string path) : path_(std::move(path)) { walk(); }

  bool has(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    return names_.contains(name);
  }
  std::vector<std::string> list() const {
    const std::lock_guard lock(mutex_);
    return {names_.begin(), names_.end()};
  }
  void forget(const std::string& name) {
    const std::lock_guard lock(mutex_);
    names_.erase(name);
  }
  // It is as good as removed: a walk or a read under way must not list it again.
  void leave(const std::string& name) {
    const std::lock_guard lock(mutex_);
    names_.erase(name);
    leaving_.insert(name);
  }

  // --- on the thread ---
  stdx::Result<std::string> store(const std::string& name, const stdx::Bytes& blob) {
    // What is there may be damaged: whoever stores an archive again mends it.
    if (const auto there = posix::read_file(at(name), blob_bytes_max); !there || *there != blob)
      TRY(posix::replace_file(at(name), blob));
    note(name);
    return name;
  }
  stdx::Result<stdx::Bytes> read(const std::string& name) {
    auto bytes = posix::read_file(at(name), blob_bytes_max);
    if (!bytes) {
      if (bytes.error().code == Code::not_found) forget(name);
      return bytes;
    }
    if (crypto::sha256_hex(*bytes) == name) {
      note(name);
      return bytes;
    }
    // Set aside, so that it is fetched again instead of being trusted.
    std::error_code ignored;
    fs::rename(at(name), at(name) + ".corrupt", ignored);
    forget(name);
    return stdx::fail(Code::corrupt, stdx::format("archive {} is damaged on disk; it was set aside",
                                                  name.substr(0, 12)));
  }
  void remove(const std::string& name) {
    std::error_code error;
    fs::remove(at(name), error);
    {
      const std::lock_guard lock(mutex_);
      leaving_.erase(leaving_.find(name));
    }
    if (error) note(name);
  }
  // Walks only where the folder changed. Two changes within one tick of the file system look like
  // one, hence the second of caution.
  void walk() {
    using namespace std::chrono_literals;
    std::error_code ignored;
    const auto changed = fs::last_write_time(path_, ignored);
    if (!ignored && walked_at_ && changed == seen_change_ && *walked_at_ - changed > 1s) return;
    walked_at_ = fs::file_time_type::clock::now();
    seen_change_ = changed;
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(path_, ignored))
      if (auto name = entry.path().filename().string(); is_hash(name)) names.insert(name);
    const std::lock_guard lock(mutex_);
    for (const auto& name : leaving_) names.erase(name);
    names_ = std::move(names);
  }

  bool take_look() { return !look_waits_.exchange(true); }
  void look() {
    look_waits_ = false;
    walk();
  }

 private:
  std::string at(const std::string& name) const { return path_ + "/" + name; }
  void note(const std::string& name) {
    const std::lock_guard lock(mutex_);
    if (!leaving_.contains(name)) names_.insert(name);
  }

  std::string path_;
  mutable std::mutex mutex_;
  std::set<std::string> names_;
  std::multiset<std::string> leaving_;   // their removal is asked for and not done yet
  std::atomic<bool> look_waits_{false};  // one waits at a time
  // The newest walk; the thread's.
  std::optional<fs::file_time_type> walked_at_;
  fs::file_time_type seen_change_;
};

BlobFiles::BlobFiles(ports::Executor& executor, std::string folder, ports::Counter* refused)
    : folder_(std::make_shared<Folder>(std::move(folder))),
      worker_(std::make_unique<Worker>(executor, refused)) {}

BlobFiles::~BlobFiles() = default;

void BlobFiles::put(stdx::Bytes blob, Done<std::string> done) {
  worker_->run<std::string>(
      std::move(done), [folder = folder_, blob = std::move(blob)]() -> stdx::Result<std::string> {
        TRY_ASSIGN(const auto name, name_of(blob));
        return folder->store(name, blob);
      });
}

void BlobFiles::put_as(const std::string& sha256, stdx::Bytes blob, Done<std::string> done) {
  worker_->run<std::string>(
      std::move(done),
      [folder = folder_, sha256, blob = std::move(blob)]() -> stdx::Result<std::string> {
        TRY_ASSIGN(const auto name, name_of(blob));
        if (name != sha256)
          return stdx::fail(Code::corrupt, stdx::format("these bytes are not archive {} but {}",
                                                        sha256.substr(0, 12), name.substr(0, 12)));
        return folder->store(name, blob);
      });
}

void BlobFiles::get(const std::string& sha256, Done<stdx::Bytes> done) {
  worker_->run<stdx::Bytes>(std::move(done),
                            [folder = folder_, sha256]() -> stdx::Result<stdx::Bytes> {
                              if (!is_hash(sha256))
                                return stdx::fail(Code::invalid, "not the name of an archive");
                              return folder->read(sha256);
                            });
}

bool BlobFiles::has(const std::string& sha256) const {
  if (folder_->has(sha256)) return true;
  look_again();
  return false;
}

void BlobFiles::remove(const std::string& sha256) {
  if (!is_hash(sha256)) return;
  folder_->leave(sha256);
  worker_->thread.release([folder = folder_, sha256] { folder->remove(sha256); });
}

std::vector<std::string> BlobFiles::list() const {
  look_again();
  return folder_->list();
}

void BlobFiles::look_again() const {
  if (folder_->take_look()) worker_->thread.release([folder = folder_] { folder->look(); });
}

}  // namespace adapters::blob_files
