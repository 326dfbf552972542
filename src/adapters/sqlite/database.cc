// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/database.h"

#include <sqlite3.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "stdx/text.h"

namespace adapters::sqlite {

using stdx::Code;

namespace {

stdx::Error error_of(sqlite3* handle) {
  const int code = sqlite3_errcode(handle);
  const std::string text = sqlite3_errmsg(handle);
  if ((code & 0xff) == SQLITE_IOERR || code == SQLITE_FULL) {
    std::fprintf(stderr, "{\"level\":\"error\",\"event\":\"disk_failed\",\"why\":\"%s\"}\n",
                 text.c_str());
    std::fflush(stderr);
    std::_Exit(74);  // EX_IOERR: startz starts us again, and recovery reads what was committed
  }
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
    return {Code::unavailable, "database is busy: " + text};
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) return {Code::corrupt, text};
  return {Code::failed, text};
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)), next_(other.next_) {}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

Statement& Statement::bind(std::uint64_t value) {
  sqlite3_bind_int64(statement_, next_++, static_cast<sqlite3_int64>(value));
  return *this;
}

Statement& Statement::bind(stdx::BytesView bytes) {
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
  return std::unexpected(error_of(sqlite3_db_handle(statement_)));
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

stdx::Result<std::unique_ptr<Database>> Database::open(const std::string& path) {
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<Database> database(new Database(handle));
  if (code != SQLITE_OK)
    return stdx::fail(Code::failed, path + ": " + (handle ? sqlite3_errmsg(handle) : "no memory"));
  sqlite3_extended_result_codes(handle, 0);
  sqlite3_busy_timeout(handle, 2000);
  for (const char* pragma : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL",
                             "PRAGMA cell_size_check=ON", "PRAGMA trusted_schema=OFF"})
    if (auto done = database->run(pragma); !done)
      return stdx::fail(done.error().code, path + ": " + done.error().message);
  return database;
}

Database::~Database() {
  sqlite3_close_v2(handle_);
}

stdx::Status Database::run(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    return std::unexpected(error_of(handle_));
  return {};
}

stdx::Result<Statement> Database::prepare(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(handle_, sql.c_str(), static_cast<int>(sql.size()), &statement, nullptr) !=
      SQLITE_OK)
    return std::unexpected(error_of(handle_));
  return Statement(statement);
}

stdx::Status Database::transaction(const std::function<stdx::Status()>& work) {
  TRY(run("BEGIN IMMEDIATE"));
  if (auto done = work(); !done) {
    (void)run("ROLLBACK");
    return done;
  }
  if (auto committed = run("COMMIT"); !committed) {
    (void)run("ROLLBACK");
    return committed;
  }
  return {};
}

std::uint64_t Database::changes() const {
  return static_cast<std::uint64_t>(sqlite3_changes(handle_));
}

}  // namespace adapters::sqlite
