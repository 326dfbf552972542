// SPDX-License-Identifier: Apache-2.0
#include "adapters/copy_files/copy_files.h"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <optional>

#include "adapters/crypto/crypto.h"
#include "adapters/posix/disk_room.h"
#include "adapters/posix/files.h"
#include "adapters/posix/worker.h"
#include "stdx/encoding.h"
#include "stdx/text.h"

namespace adapters::copy_files {

namespace fs = std::filesystem;
using ports::RecordsCopy;
using stdx::Code;

namespace {

struct File {
  std::uint64_t number = 0;
  RecordsCopy copy;
  std::string name;
};

std::string name_of(std::uint64_t number, const RecordsCopy& copy) {
  return stdx::format("records-{:08}-{}-{}-{}-{}-{}.db", number, copy.counter, copy.term, copy.made,
                      copy.lineage, copy.sha256);
}

// A lineage is a UUID, which has dashes of its own.
std::optional<File> parse_name(const std::string& name) {
  constexpr std::string_view head = "records-", tail = ".db";
  constexpr std::size_t lineage_size = 36, sha_size = 64;
  if (!name.starts_with(head) || !name.ends_with(tail)) return {};
  const auto middle = std::string_view(name).substr(head.size(), name.size() - head.size() - 3);
  if (middle.size() < lineage_size + sha_size + 1) return {};
  const auto sha = middle.substr(middle.size() - sha_size);
  const auto lineage = middle.substr(middle.size() - sha_size - 1 - lineage_size, lineage_size);
  const auto numbers =
      stdx::split(middle.substr(0, middle.size() - sha_size - 1 - lineage_size), '-');
  // The last one is what the dash before the lineage ends.
  if (numbers.size() != 5 || !stdx::is_uuid(lineage) || !stdx::hex_decode(sha)) return {};
  std::uint64_t values[4];
  for (std::size_t i = 0; i < 4; ++i) {
    const auto value = stdx::parse_u64(numbers[i]);
    if (!value) return {};
    values[i] = *value;
  }
  File file;
  file.number = values[0];
  file.copy = {.lineage = std::string(lineage),
               .counter = values[1],
               .term = values[2],
               .sha256 = std::string(sha),
               .made = values[3]};
  file.name = name;
  return file;
}

}  // namespace

class CopyFiles::Folder {
 public:
  explicit Folder(Options options) : options_(std::move(options)) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(options_.folder, ignored)) {
      const auto name = entry.path().filename().string();
      if (auto file = parse_name(name)) {
        file->copy.bytes = entry.file_size(ignored);
        files_.push_back(std::move(*file));
      } else if (name.ends_with(".db.new")) {
        fs::remove(entry.path(), ignored);  // of a crash
      }
    }
    std::sort(files_.begin(), files_.end(),
              [](const File& a, const File& b) { return a.number < b.number; });
  }

  std::vector<RecordsCopy> list() const {
    const std::lock_guard lock(mutex_);
    std::vector<RecordsCopy> copies;
    for (auto at = files_.rbegin(); at != files_.rend(); ++at) copies.push_back(at->copy);
    return copies;
  }

  // --- on the thread ---
  stdx::Status check_room(std::uint64_t bytes) const {
    if (bytes > options_.bytes_max)
      return stdx::fail(Code::full,
                        stdx::format("a copy of {} bytes is over the bound of this zhost, {} "
                                     "bytes (copies.bytes); raise it",
                                     bytes, options_.bytes_max));
    // Before the first copy there is no folder yet: what it will be made in says as much.
    std::error_code ignored;
    const auto on_disk = fs::exists(options_.folder, ignored)
                             ? options_.folder
                             : fs::path(options_.folder).parent_path().string();
    const auto room = posix::check_disk_room(on_disk, options_.disk_reserve_bytes, bytes);
    if (!room) return stdx::fail(Code::full, room.error().message);
    return {};
  }

  stdx::Status put(RecordsCopy copy, const stdx::Bytes& bytes) {
    if (crypto::sha256_hex(bytes) != copy.sha256)
      return stdx::fail(Code::corrupt, "the copy arrived damaged; it is not kept");
    if (!stdx::is_uuid(copy.lineage))
      return stdx::fail(Code::invalid, "the copy names no lineage; it is not kept");
    TRY(check_room(bytes.size()));
    TRY(posix::make_private_folder(options_.folder));
    copy.bytes = bytes.size();
    copy.damaged = false;
    const auto number = last_number() + 1;
    const auto name = name_of(number, copy);
    TRY(posix::replace_file(path_of(name), bytes));
    const std::lock_guard lock(mutex_);
    files_.push_back({number, std::move(copy), name});
    drop_oldest();
    return {};
  }

  stdx::Result<stdx::Bytes> get(const std::string& sha256) {
    std::string name;
    {
      const std::lock_guard lock(mutex_);
      if (const auto at = find(sha256); at != files_.end()) name = at->name;
    }
    const auto no_copy = stdx::fail(
        Code::not_found, stdx::format("no copy {} is kept here", stdx::printable(sha256, 12)));
    if (name.empty()) return no_copy;
    auto bytes = posix::read_file(path_of(name), options_.bytes_max);
    const bool good = bytes && crypto::sha256_hex(*bytes) == sha256;
    const std::lock_guard lock(mutex_);
    const auto at = find(sha256);
    if (!bytes && bytes.error().code == Code::not_found) {
      if (at != files_.end()) files_.erase(at);  // a person removed it
      return no_copy;
    }
    if (at != files_.end()) at->copy.damaged = !good;
    if (!bytes) return bytes;
    if (!good)
      return stdx::fail(
          Code::corrupt,
          stdx::format("copy {} is damaged on the disk; take another one", sha256.substr(0, 12)));
    return bytes;
  }

 private:
  std::string path_of(const std::string& name) const { return options_.folder + "/" + name; }
  std::vector<File>::iterator find(const std::string& sha256) {
    return std::find_if(files_.begin(), files_.end(),
                        [&](const File& file) { return file.copy.sha256 == sha256; });
  }
  std::uint64_t last_number() const {
    const std::lock_guard lock(mutex_);
    return files_.empty() ? 0 : files_.back().number;
  }
  void drop_oldest() {
    std::uint64_t bytes = 0;
    for (const auto& file : files_) bytes += file.copy.bytes;
    while (files_.size() > 1 && (files_.size() > std::max<std::size_t>(options_.kept, 1) ||
                                 bytes > options_.bytes_max)) {
      bytes -= files_.front().copy.bytes;
      std::error_code ignored;  // a file that stays is found at the next start
      fs::remove(path_of(files_.front().name), ignored);
      files_.erase(files_.begin());
    }
  }

  Options options_;
  mutable std::mutex mutex_;
  std::vector<File> files_;  // oldest first
};

struct CopyFiles::Impl {
  ports::Executor& executor;
  Folder folder;
  posix::Worker thread;  // last: its jobs end before the folder goes
  Impl(ports::Executor& e, Options options, ports::Counter* refused)
      : executor(e), folder(std::move(options)), thread(calls_max, refused) {}

  template <typename Result>
  void run(std::function<void(Result)> done, std::move_only_function<Result(Folder&)> work) {
    const bool taken = thread.post([this, done, work = std::move(work)]() mutable {
      auto result = work(folder);
      executor.post([done = std::move(done), result = std::move(result)] { done(result); });
    });
    if (taken) return;
    executor.post([done = std::move(done)] {
      done(stdx::fail(Code::full, stdx::format("{} calls wait for the disk already", calls_max)));
    });
  }
};

CopyFiles::CopyFiles(ports::Executor& executor, Options options, ports::Counter* refused)
    : impl_(std::make_unique<Impl>(executor, std::move(options), refused)) {}

CopyFiles::~CopyFiles() = default;

void CopyFiles::check_room(std::uint64_t bytes, Stored done) {
  impl_->run<stdx::Status>(std::move(done),
                           [bytes](Folder& folder) { return folder.check_room(bytes); });
}

void CopyFiles::put(RecordsCopy copy, stdx::Bytes bytes, Stored done) {
  impl_->run<stdx::Status>(
      std::move(done), [copy = std::move(copy), bytes = std::move(bytes)](Folder& folder) mutable {
        return folder.put(std::move(copy), bytes);
      });
}

void CopyFiles::get(const std::string& sha256, Done<stdx::Bytes> done) {
  impl_->run<stdx::Result<stdx::Bytes>>(std::move(done),
                                        [sha256](Folder& folder) { return folder.get(sha256); });
}

std::vector<RecordsCopy> CopyFiles::list() const {
  return impl_->folder.list();
}

}  // namespace adapters::copy_files
