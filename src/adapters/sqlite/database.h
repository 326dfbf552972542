// SPDX-License-Identifier: Apache-2.0
#pragma once

// A thin hold on one SQLite file, used by one thread: WAL, synchronous=FULL (what is committed is
// on disk), foreign files refused. Errors become Result:
//   full         the bound of the file (bytes_max) is reached; nothing of the statement or
//                transaction remains
//   unavailable  no room now on the disk or among the descriptors of the process, or another
//   process
//                holds the file; nothing remains either, and it may be tried again
//   unknown      reading or writing failed (a bad disk). Whether a commit holds is known only after
//                the file was opened anew: `is_broken` from then on, and every call fails.
//   corrupt      it is no database, or a damaged one

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "stdx/bytes.h"
#include "stdx/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace adapters::sqlite {

class Database;

// Not used after its database is gone.
class Statement {
 public:
  Statement(Database& database, sqlite3_stmt* statement)
      : database_(&database), statement_(statement) {}
  Statement(Statement&& other) noexcept;
  ~Statement();

  Statement& bind(std::uint64_t value);
  Statement& bind(stdx::BytesView bytes);
  Statement& bind_text(std::string_view text);
  // True: a row is there. False: done.
  stdx::Result<bool> step();
  void reset();

  std::uint64_t integer(int column) const;
  stdx::Bytes blob(int column) const;
  std::string text(int column) const;

 private:
  Database* database_;
  sqlite3_stmt* statement_;
  int next_ = 1;
};

class Database {
 public:
  struct Options {
    bool create = true;            // false: Code::not_found where there is no file
    std::uint64_t bytes_max = 0;   // of the file; 0: no bound. One that is larger stays as it is
    unsigned cache_kib = 2000;     // memory for pages
    bool exit_on_bad_disk = true;  // ends the process instead of Code::unknown
  };
  static stdx::Result<std::unique_ptr<Database>> open(const std::string& path,
                                                      const Options& options);
  static stdx::Result<std::unique_ptr<Database>> open(const std::string& path) {
    return open(path, Options());
  }
  ~Database();

  stdx::Status run(const std::string& sql);
  stdx::Result<Statement> prepare(const std::string& sql);
  // BEGIN IMMEDIATE … COMMIT; rolled back when `work` fails.
  stdx::Status transaction(const std::function<stdx::Status()>& work);
  // The whole database from one consistent state, as the bytes of a file; takes no room on a disk.
  // Code::full: it has more than `bytes_max`.
  stdx::Result<stdx::Bytes> serialize(std::uint64_t bytes_max);
  // Rows changed by the last statement.
  std::uint64_t changes() const;
  bool is_broken() const { return broken_; }

 private:
  friend class Statement;
  Database(sqlite3* handle, std::string path, bool exit_on_bad_disk)
      : handle_(handle), path_(std::move(path)), exit_on_bad_disk_(exit_on_bad_disk) {}
  stdx::Status configure(const Options& options);
  // Of the last call on the handle.
  stdx::Error error();
  stdx::Error out_of_space() const;

  sqlite3* handle_;
  std::string path_;
  bool exit_on_bad_disk_;
  bool broken_ = false;
  std::uint64_t bytes_bound_ = 0;  // to statements since the last transaction began
};

}  // namespace adapters::sqlite
