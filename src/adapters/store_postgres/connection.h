// SPDX-License-Identifier: Apache-2.0
#pragma once

// One connection to PostgreSQL that comes back: statements with typed parameters, and transactions
// with a clear word on what happened when the connection goes away. One thread.

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <variant>

#include "stdx/bytes.h"
#include "stdx/result.h"

namespace adapters::store_postgres {

// What a statement gave. Numbers are bigint columns.
class Rows {
 public:
  Rows(std::shared_ptr<void> result) : result_(std::move(result)) {}
  int size() const;
  std::uint64_t changed() const;  // rows that an INSERT or UPDATE touched
  std::uint64_t number(int row, int column) const;
  stdx::Bytes bytes(int row, int column) const;
  bool is_null(int row, int column) const;

 private:
  std::shared_ptr<void> result_;
};

struct Text {
  std::string_view text;
};
using Param = std::variant<std::uint64_t, Text, stdx::BytesView>;

class Connection {
 public:
  // `schema` is run on each new connection, as one transaction.
  Connection(std::string conninfo, std::string schema);
  ~Connection();
  Connection(const Connection&) = delete;

  enum class Mode { reads, changes };
  // Runs `work` between BEGIN and COMMIT; rolled back when it fails. Code::unavailable: not carried
  // out. Code::unknown (changes only): the connection went while it committed.
  stdx::Status transaction(Mode mode, const std::function<stdx::Status()>& work);

  // Inside of `work`.
  stdx::Result<Rows> query(const char* sql, std::initializer_list<Param> params = {});

 private:
  stdx::Status connect();
  stdx::Status begin(Mode mode);
  stdx::Status end(Mode mode);
  bool lost() const;
  void close();

  struct Handle;
  std::string conninfo_, schema_;
  std::unique_ptr<Handle> handle_;
};

}  // namespace adapters::store_postgres
