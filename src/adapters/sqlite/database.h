// SPDX-License-Identifier: Apache-2.0
#pragma once

// A thin hold on one SQLite file, used by one thread: WAL, synchronous=FULL (what is committed is
// on disk), foreign files refused. Errors become Result; a failed fsync or a full disk ends the
// process (guides/reliability.md, decision 8), as nothing after it could be believed.

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

class Statement {
 public:
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
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
  sqlite3_stmt* statement_;
  int next_ = 1;
};

class Database {
 public:
  static stdx::Result<std::unique_ptr<Database>> open(const std::string& path);
  ~Database();

  stdx::Status run(const std::string& sql);
  stdx::Result<Statement> prepare(const std::string& sql);
  // BEGIN IMMEDIATE … COMMIT; rolled back when `work` fails.
  stdx::Status transaction(const std::function<stdx::Status()>& work);
  // Rows changed by the last statement.
  std::uint64_t changes() const;

 private:
  explicit Database(sqlite3* handle) : handle_(handle) {}
  sqlite3* handle_;
};

}  // namespace adapters::sqlite
