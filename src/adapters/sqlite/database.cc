// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/database.h"

#include <sqlite3.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "stdx/text.h"

namespace adapters::sqlite {

using stdx::Code;

namespace {

// Where SQLite says "I/O error" for a disk without room: the index of the WAL, and whatever the
// system refused for that reason.
bool is_out_of_space(int code, int system_error) {
  const int primary = code & 0xff;
  if (primary == SQLITE_FULL || code == SQLITE_IOERR_SHMSIZE) return true;
  // After a failed sync nobody knows what is on the disk, whatever the reason was.
  if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) return false;
  return (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN) &&
         (system_error == ENOSPC || system_error == EDQUOT);
}

}  // namespace

// Whether the bound of the file is reached or the disk has no room; SQLite says the same of both.
// It has rolled back, so the pages of what was to be written do not count any more: they are
// estimated.
stdx::Error Database::out_of_space() const {
  std::uint64_t pages = 0, pages_max = 0, page_bytes = 0;
  const auto number = [](void* out, int, char** values, char**) {
    *static_cast<std::uint64_t*>(out) = std::strtoull(values[0] ? values[0] : "0", nullptr, 10);
    return 0;
  };
  // Without a cursor of its own.
  sqlite3_exec(handle_, "PRAGMA page_count", number, &pages, nullptr);
  sqlite3_exec(handle_, "PRAGMA max_page_count", number, &pages_max, nullptr);
  sqlite3_exec(handle_, "PRAGMA page_size", number, &page_bytes, nullptr);
  const auto taken = pages + pages_max / 16 + 4;
  // A page of a large value holds a few bytes less than a page.
  const auto asked = page_bytes == 0 ? 0 : bytes_bound_ / page_bytes * 65 / 64 + 1;
  struct statvfs disk{};
  const bool disk_has_room = statvfs(path_.c_str(), &disk) == 0 &&
                             disk.f_bavail * disk.f_frsize > 2 * bytes_bound_ + (4u << 20);
  if (pages_max != 0 && (taken >= pages_max || (taken + asked >= pages_max && disk_has_room)))
    return {Code::full, path_ + ": its bound of stored bytes is reached"};
  return {Code::unavailable, path_ + ": no space is left on its disk"};
}

stdx::Error Database::error() {
  const int code = sqlite3_extended_errcode(handle_), primary = code & 0xff;
  const int system_error = sqlite3_system_errno(handle_);
  const std::string text = sqlite3_errmsg(handle_);
  if (is_out_of_space(code, system_error)) return out_of_space();
  if (primary == SQLITE_CANTOPEN && (system_error == EMFILE || system_error == ENFILE))
    return {Code::unavailable,
            path_ + ": the process has no file descriptor left (limit of open files)"};
  if (primary == SQLITE_IOERR) {
    const auto why =
        stdx::format("{}: {} (SQLite {}, {})", path_, text, code, std::strerror(system_error));
    if (exit_on_bad_disk_) {
      std::fprintf(stderr, "{\"level\":\"error\",\"event\":\"disk_failed\",\"why\":\"%s\"}\n",
                   why.c_str());
      std::fflush(stderr);
      std::_Exit(74);  // EX_IOERR: startz starts us again, and recovery reads what was committed
    }
    broken_ = true;
    return {Code::unknown, why};
  }
  if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED)
    return {Code::unavailable, path_ + ": the database is busy: " + text};
  if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB)
    return {Code::corrupt, path_ + ": " + text};
  return {Code::failed, path_ + ": " + text};
}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_),
      statement_(std::exchange(other.statement_, nullptr)),
      next_(other.next_) {}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

Statement& Statement::bind(std::uint64_t value) {
  sqlite3_bind_int64(statement_, next_++, static_cast<sqlite3_int64>(value));
  return *this;
}

Statement& Statement::bind(stdx::BytesView bytes) {
  database_->bytes_bound_ += bytes.size();
  sqlite3_bind_blob(statement_, next_++, bytes.empty() ? "" : bytes.data(),
                    static_cast<int>(bytes.size()), SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::bind_text(std::string_view text) {
  sqlite3_bind_text(statement_, next_++, text.data(), static_cast<int>(text.size()),
                    SQLITE_TRANSIENT);
  return *this;
}

stdx::Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return std::unexpected(database_->error());
}

void Statement::reset() {
  sqlite3_reset(statement_);
  next_ = 1;
}

std::uint64_t Statement::integer(int column) const {
  return static_cast<std::uint64_t>(sqlite3_column_int64(statement_, column));
}

stdx::Bytes Statement::blob(int column) const {
  const auto n = sqlite3_column_bytes(statement_, column);
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  return data == nullptr ? stdx::Bytes() : stdx::Bytes(data, static_cast<std::size_t>(n));
}

std::string Statement::text(int column) const {
  return blob(column);
}

stdx::Result<std::unique_ptr<Database>> Database::open(const std::string& path,
                                                       const Options& options) {
  sqlite3* handle = nullptr;
  const int flags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (options.create ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  if (handle == nullptr) return stdx::fail(Code::failed, path + ": no memory");
  std::unique_ptr<Database> database(new Database(handle, path, options.exit_on_bad_disk));
  if (code != SQLITE_OK) {
    if (!options.create && access(path.c_str(), F_OK) != 0 && errno == ENOENT)
      return stdx::fail(Code::not_found, path + " is not there");
    return std::unexpected(database->error());
  }
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, 2000);
  TRY(database->configure(options));
  return database;
}

stdx::Status Database::configure(const Options& options) {
  for (const char* pragma : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL",
                             "PRAGMA cell_size_check=ON", "PRAGMA trusted_schema=OFF"})
    TRY(run(pragma));
  TRY(run(stdx::format("PRAGMA cache_size=-{}", options.cache_kib)));
  if (options.bytes_max == 0) return {};
  // What a burst left in the WAL is given back to the disk too.
  TRY(run(stdx::format("PRAGMA journal_size_limit={}", 1u << 20)));
  constexpr std::uint64_t page_bytes = 4096;  // SQLite's, of files that this class makes
  return run(
      stdx::format("PRAGMA max_page_count={}",
                   std::clamp<std::uint64_t>(options.bytes_max / page_bytes, 1, 0xfffffffe)));
}

Database::~Database() {
  sqlite3_close_v2(handle_);
}

stdx::Status Database::run(const std::string& sql) {
  if (broken_) return stdx::fail(Code::unknown, path_ + ": its disk failed; open it anew");
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    return std::unexpected(error());
  return {};
}

stdx::Result<Statement> Database::prepare(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(handle_, sql.c_str(), static_cast<int>(sql.size()), &statement, nullptr) !=
      SQLITE_OK)
    return std::unexpected(error());
  return Statement(*this, statement);
}

stdx::Status Database::transaction(const std::function<stdx::Status()>& work) {
  TRY(run("BEGIN IMMEDIATE"));
  bytes_bound_ = 0;
  if (auto done = work(); !done) {
    if (!broken_) (void)run("ROLLBACK");
    return done;
  }
  if (auto committed = run("COMMIT"); !committed) {
    if (!broken_) (void)run("ROLLBACK");
    return committed;
  }
  return {};
}

stdx::Result<stdx::Bytes> Database::serialize(std::uint64_t bytes_max) {
  // In one transaction: the size that was checked is the size of what is read.
  TRY(run("BEGIN"));
  const auto read = [&]() -> stdx::Result<stdx::Bytes> {
    TRY_ASSIGN(auto size, prepare("SELECT page_count * page_size FROM pragma_page_count, "
                                  "pragma_page_size"));
    TRY(size.step());
    if (size.integer(0) > bytes_max)
      return stdx::fail(Code::full, stdx::format("{} has {} bytes, {} are allowed", path_,
                                                 size.integer(0), bytes_max));
    sqlite3_int64 bytes = 0;
    const std::unique_ptr<unsigned char, decltype(&sqlite3_free)> image(
        sqlite3_serialize(handle_, "main", &bytes, 0), &sqlite3_free);
    if (image == nullptr)
      return stdx::fail(Code::unavailable,
                        path_ + ": it cannot be read as a whole now (memory or disk)");
    return stdx::Bytes(reinterpret_cast<const char*>(image.get()), static_cast<std::size_t>(bytes));
  };
  auto image = read();
  if (!broken_) (void)run("ROLLBACK");
  return image;
}

std::uint64_t Database::changes() const {
  return static_cast<std::uint64_t>(sqlite3_changes(handle_));
}

}  // namespace adapters::sqlite
