// SPDX-License-Identifier: Apache-2.0
#include "adapters/blob_files/blob_files.h"

#include <algorithm>
#include <filesystem>

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
      executor.post([done = std::move(done), result = std::move(result)] { done(result); });
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

stdx::Result<std::string> store(const std::string& folder, const std::string& name,
                                const stdx::Bytes& blob) {
  if (!fs::exists(folder + "/" + name)) TRY(posix::replace_file(folder + "/" + name, blob));
  return name;
}

stdx::Result<std::string> name_of(const stdx::Bytes& blob) {
  if (blob.size() > ports::BlobStore::blob_bytes_max)
    return stdx::fail(Code::invalid,
                      stdx::format("a MEX has at most {} bytes", ports::BlobStore::blob_bytes_max));
  return crypto::sha256_hex(blob);
}

}  // namespace

BlobFiles::BlobFiles(ports::Executor& executor, std::string folder, ports::Counter* refused)
    : folder_(std::move(folder)), worker_(std::make_unique<Worker>(executor, refused)) {}

BlobFiles::~BlobFiles() = default;

void BlobFiles::put(stdx::Bytes blob, Done<std::string> done) {
  worker_->run<std::string>(
      std::move(done), [folder = folder_, blob = std::move(blob)]() -> stdx::Result<std::string> {
        TRY_ASSIGN(const auto name, name_of(blob));
        return store(folder, name, blob);
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
        return store(folder, name, blob);
      });
}

void BlobFiles::get(const std::string& sha256, Done<stdx::Bytes> done) {
  worker_->run<stdx::Bytes>(
      std::move(done), [folder = folder_, sha256]() -> stdx::Result<stdx::Bytes> {
        if (!is_hash(sha256)) return stdx::fail(Code::invalid, "not the name of an archive");
        const auto path = folder + "/" + sha256;
        TRY_ASSIGN(auto bytes, posix::read_file(path, blob_bytes_max));
        if (crypto::sha256_hex(bytes) == sha256) return bytes;
        // Set aside, so that it is fetched again instead of being trusted.
        std::error_code ignored;
        fs::rename(path, path + ".corrupt", ignored);
        return stdx::fail(
            Code::corrupt,
            stdx::format("archive {} is damaged on disk; it was set aside", sha256.substr(0, 12)));
      });
}

bool BlobFiles::has(const std::string& sha256) const {
  std::error_code ignored;
  return is_hash(sha256) && fs::exists(folder_ + "/" + sha256, ignored);
}

stdx::Status BlobFiles::remove(const std::string& sha256) {
  std::error_code error;
  if (is_hash(sha256)) fs::remove(folder_ + "/" + sha256, error);
  if (error) return stdx::fail(Code::failed, error.message());
  return {};
}

std::vector<std::string> BlobFiles::list() const {
  using namespace std::chrono_literals;
  std::error_code ignored;
  // Each report asks; the folder is walked only where it changed, here or in another process. Two
  // changes within one tick of the file system look like one, hence the second of caution.
  const auto changed = fs::last_write_time(folder_, ignored);
  if (!ignored && walked_at_ && changed == seen_change_ && *walked_at_ - changed > 1s)
    return listed_;
  walked_at_ = fs::file_time_type::clock::now();
  seen_change_ = changed;
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder_, ignored))
    if (const auto name = entry.path().filename().string(); is_hash(name)) names.push_back(name);
  std::sort(names.begin(), names.end());
  listed_ = names;
  return names;
}

}  // namespace adapters::blob_files
