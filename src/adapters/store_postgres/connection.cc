// SPDX-License-Identifier: Apache-2.0
#include "adapters/store_postgres/connection.h"

#include <libpq-fe.h>

#include <cstdlib>
#include <vector>

#include "stdx/assert.h"
#include "stdx/text.h"

namespace adapters::store_postgres {

using stdx::Code;

namespace {

// Type numbers of PostgreSQL's catalogue.
constexpr Oid type_bigint = 20, type_text = 25, type_bytea = 17;
constexpr int binary = 1;

PGresult* result_of(const std::shared_ptr<void>& result) {
  return static_cast<PGresult*>(result.get());
}
std::shared_ptr<void> owned(PGresult* result) {
  return {result, [](void* r) { PQclear(static_cast<PGresult*>(r)); }};
}
std::string big_endian(std::uint64_t value) {
  std::string out(8, '\0');
  for (int i = 7; i >= 0; --i, value >>= 8)
    out[static_cast<std::size_t>(i)] = static_cast<char>(value);
  return out;
}
std::string one_line(const char* message) {
  std::string text = message == nullptr ? "" : message;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (auto& c : text)
    if (c == '\n' || c == '\t') c = ' ';
  return text;
}
std::string state_of(const PGresult* result) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return state == nullptr ? "" : state;
}

}  // namespace

int Rows::size() const {
  return PQntuples(result_of(result_));
}
std::uint64_t Rows::changed() const {
  return std::strtoull(PQcmdTuples(result_of(result_)), nullptr, 10);
}
std::uint64_t Rows::number(int row, int column) const {
  std::uint64_t value = 0;
  for (const char c : bytes(row, column)) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}
stdx::Bytes Rows::bytes(int row, int column) const {
  return stdx::Bytes(PQgetvalue(result_of(result_), row, column),
                     static_cast<std::size_t>(PQgetlength(result_of(result_), row, column)));
}
bool Rows::is_null(int row, int column) const {
  return PQgetisnull(result_of(result_), row, column) != 0;
}

struct Connection::Handle {
  PGconn* connection;
  ~Handle() { PQfinish(connection); }
};

Connection::Connection(std::string conninfo, std::string schema)
    : conninfo_(std::move(conninfo)), schema_(std::move(schema)) {}
Connection::~Connection() = default;

void Connection::close() {
  handle_.reset();
}

bool Connection::lost() const {
  return !handle_ || PQstatus(handle_->connection) != CONNECTION_OK;
}

stdx::Status Connection::connect() {
  // Before the conninfo, so that it may say otherwise. Nothing waits for ever: not the connect, not
  // a silent peer, not a statement behind another's lock.
  const char* const names[] = {"connect_timeout",
                               "keepalives_idle",
                               "tcp_user_timeout",
                               "application_name",
                               "options",
                               "dbname",
                               nullptr};
  const char* const values[] = {"3",
                                "5",
                                "10000",
                                "samoza",
                                "-c statement_timeout=10000 -c client_min_messages=warning",
                                conninfo_.c_str(),
                                nullptr};
  handle_ = std::make_unique<Handle>(PQconnectdbParams(names, values, /*expand_dbname=*/1));
  auto* connection = handle_->connection;
  PQsetNoticeProcessor(connection, [](void*, const char*) {}, nullptr);
  std::string why;
  if (lost()) {
    why = one_line(PQerrorMessage(connection));
  } else {
    const auto made = owned(PQexec(connection, schema_.c_str()));
    const auto status = PQresultStatus(result_of(made));
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return {};
    why = one_line(PQerrorMessage(connection));
  }
  close();
  return stdx::fail(Code::unavailable, "PostgreSQL: " + why);
}

stdx::Result<Rows> Connection::query(const char* sql, std::initializer_list<Param> params) {
  if (lost()) return stdx::fail(Code::unavailable, "PostgreSQL: the connection was lost");
  std::vector<std::string> numbers;
  numbers.reserve(params.size());  // what `values` points to stays where it is
  std::vector<Oid> types;
  std::vector<const char*> values;
  std::vector<int> lengths;
  const std::vector<int> formats(params.size(), binary);
  const auto add = [&](Oid type, std::string_view bytes) {
    types.push_back(type);
    // A null pointer would be NULL, not empty.
    values.push_back(bytes.empty() ? "" : bytes.data());
    lengths.push_back(static_cast<int>(bytes.size()));
  };
  for (const auto& param : params) {
    if (const auto* number = std::get_if<std::uint64_t>(&param))
      add(type_bigint, numbers.emplace_back(big_endian(*number)));
    else if (const auto* text = std::get_if<Text>(&param))
      add(type_text, text->text);
    else
      add(type_bytea, std::get<stdx::BytesView>(param));
  }
  auto result =
      owned(PQexecParams(handle_->connection, sql, static_cast<int>(types.size()), types.data(),
                         values.data(), lengths.data(), formats.data(), binary));
  const auto status = PQresultStatus(result_of(result));
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return Rows(std::move(result));
  const auto why = "PostgreSQL: " + one_line(PQerrorMessage(handle_->connection));
  // Class 22: what was given is no value of its type, such as a key that is not UTF-8.
  return stdx::fail(
      !lost() && state_of(result_of(result)).starts_with("22") ? Code::invalid : Code::unavailable,
      why);
}

stdx::Status Connection::begin(Mode mode) {
  const char* sql = mode == Mode::reads ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
                                        : "BEGIN ISOLATION LEVEL READ COMMITTED";
  if (!lost() && query(sql)) return {};
  // Never connected, or the server was started anew since the last call: nothing was begun.
  TRY(connect());
  TRY(query(sql));
  return {};
}

stdx::Status Connection::end(Mode mode) {
  const auto result = owned(PQexec(handle_->connection, "COMMIT"));
  // A transaction that had failed answers COMMIT with "ROLLBACK".
  if (PQresultStatus(result_of(result)) == PGRES_COMMAND_OK &&
      std::string_view(PQcmdStatus(result_of(result))) == "COMMIT")
    return {};
  const auto why = one_line(PQerrorMessage(handle_->connection));
  // Class 40: the server says that it rolled back.
  const bool rolled_back = !lost() && (PQresultStatus(result_of(result)) == PGRES_COMMAND_OK ||
                                       state_of(result_of(result)).starts_with("40"));
  close();
  if (mode == Mode::reads || rolled_back)
    return stdx::fail(Code::unavailable, "PostgreSQL did not commit: " + why);
  return stdx::fail(Code::unknown, "PostgreSQL went away while it committed: " + why);
}

stdx::Status Connection::transaction(Mode mode, const std::function<stdx::Status()>& work) {
  TRY(begin(mode));
  auto done = work();
  if (done && !lost()) return end(mode);
  if (done) done = stdx::fail(Code::unavailable, "PostgreSQL: the connection was lost");
  // A rollback that fails leaves no connection to be used again.
  if (lost() || !query("ROLLBACK")) close();
  return done;
}

}  // namespace adapters::store_postgres
