// SPDX-License-Identifier: Apache-2.0
#include "adapters/store_sqlite/copies.h"

#include <filesystem>
#include <system_error>

#include "adapters/crypto/crypto.h"
#include "adapters/posix/files.h"
#include "stdx/text.h"

namespace adapters::store_sqlite {

namespace fs = std::filesystem;
using sqlite::Database;
using stdx::Code;

namespace {

std::string waiting_name(const std::string& database) {
  return database + ".restored";
}
std::string kept_name(const std::string& database) {
  return database + ".before-restore";
}

stdx::Status move_file(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error)
    return stdx::fail(Code::failed,
                      stdx::format("{} cannot become {}: {}", from, to, error.message()));
  return {};
}

// SQLite's own way to make a copy of a database in use.
stdx::Status vacuum_into(Database& db, const std::string& path) {
  TRY_ASSIGN(auto statement, db.prepare("VACUUM INTO ?"));
  TRY(statement.bind_text(path).step());
  return {};
}

stdx::Status check_copy(const std::string& path, const std::string& what) {
  TRY_ASSIGN(auto copy, Database::open(path, {.create = false, .exit_on_bad_disk = false}));
  TRY_ASSIGN(auto whole, copy->prepare("PRAGMA integrity_check"));
  TRY_ASSIGN(const bool row, whole.step());
  if (!row || whole.text(0) != "ok")
    return stdx::fail(Code::corrupt, stdx::format("{} is damaged: {}", what, whole.text(0)));
  auto lineage = copy->prepare("SELECT 1 FROM records WHERE kind = 'lineage'");
  if (!lineage) return stdx::fail(Code::invalid, what + " holds no records of a cluster");
  TRY_ASSIGN(const bool there, lineage->step());
  if (!there) return stdx::fail(Code::invalid, what + " holds no records of a cluster");
  return {};
}

}  // namespace

stdx::Result<std::uint64_t> copy_to(Database& db, const std::string& path) {
  std::error_code error;
  if (fs::exists(path, error))
    return stdx::fail(Code::conflict, path + " is there already; nothing is written over");
  const auto unfinished = path + ".unfinished";
  fs::remove(unfinished, error);
  if (auto made = vacuum_into(db, unfinished); !made) {
    fs::remove(unfinished, error);
    return stdx::fail(made.error().code,
                      stdx::format("no copy at {}: {}", path, made.error().message));
  }
  fs::permissions(unfinished, fs::perms::owner_read | fs::perms::owner_write, error);
  TRY(move_file(unfinished, path));
  const auto bytes = fs::file_size(path, error);
  if (error) return stdx::fail(Code::failed, path + ": " + error.message());
  return bytes;
}

namespace {

// `unfinished` is where the copy was written; `what` is its name for a person.
stdx::Result<std::string> take_unfinished(const std::string& unfinished,
                                          const std::string& database, const std::string& what) {
  std::error_code error;
  const auto checked = check_copy(unfinished, what);
  for (const char* beside : {"-wal", "-shm"}) fs::remove(unfinished + beside, error);
  if (!checked) {
    fs::remove(unfinished, error);
    return std::unexpected(checked.error());
  }
  TRY(move_file(unfinished, waiting_name(database)));
  return kept_name(database);
}

std::string unfinished_name(const std::string& database) {
  return waiting_name(database) + ".unfinished";
}

}  // namespace

stdx::Result<std::string> put_back(const std::string& copy, const std::string& database) {
  std::error_code error;
  const auto unfinished = unfinished_name(database);
  fs::copy_file(copy, unfinished, fs::copy_options::overwrite_existing, error);
  if (error) return stdx::fail(Code::failed, stdx::format("{}: {}", copy, error.message()));
  return take_unfinished(unfinished, database, copy);
}

stdx::Result<ports::Store::Copy> copy_of(Database& db) {
  ports::Store::Copy copy;
  TRY_ASSIGN(copy.bytes, db.serialize(ports::Store::copy_bytes_max));
  copy.sha256 = crypto::sha256_hex(copy.bytes);
  return copy;
}

stdx::Result<std::string> put_back(const ports::Store::Copy& copy, const std::string& database) {
  if (crypto::sha256_hex(copy.bytes) != copy.sha256)
    return stdx::fail(Code::corrupt, "the copy arrived damaged; nothing was changed");
  const auto unfinished = unfinished_name(database);
  TRY(posix::replace_file(unfinished, copy.bytes));
  return take_unfinished(unfinished, database, "copy " + copy.sha256.substr(0, 12));
}

stdx::Status take_restored(const std::string& database) {
  const auto waiting = waiting_name(database), kept = kept_name(database);
  std::error_code error;
  if (!fs::exists(waiting, error)) return {};
  // The log of the one that goes belongs to it.
  for (const char* beside : {"", "-wal", "-shm"}) {
    // Where this was interrupted the one that goes is under its new name already.
    if (!fs::exists(database + beside, error)) continue;
    fs::remove(kept + beside, error);
    TRY(move_file(database + beside, kept + beside));
  }
  return move_file(waiting, database);
}

}  // namespace adapters::store_sqlite
