// SPDX-License-Identifier: Apache-2.0
#include "adapters/store_postgres/postgres_store.h"

#include <libpq-fe.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "adapters/testing/store_contract.h"
#include "adapters/wait_queue.h"

namespace adapters {
namespace {

// A PostgreSQL of this test alone: its own folder, its own Unix socket, no port.
class Server {
 public:
  Server() {
    char name[] = "/tmp/samoza-pg-XXXXXX";
    folder_ = mkdtemp(name);
    // The server refuses to run as root.
    if (geteuid() == 0) {
      as_ = "runuser -u postgres -- ";
      shell("chown postgres " + folder_);
    }
    shell(as_ + SAMOZA_PG_BIN "/initdb -A trust -U samoza -N -D " + folder_ + "/data");
    start();
  }
  ~Server() {
    stop();
    std::filesystem::remove_all(folder_);
  }
  void start() { control("start -o \"-k " + folder_ + " -c listen_addresses= -c fsync=off\""); }
  void stop() { control("stop -m immediate"); }
  std::string conninfo(const std::string& database) const {
    return "host=" + folder_ + " user=samoza dbname=" + database;
  }
  void run(const std::string& database, const std::string& sql) const {
    auto* connection = PQconnectdb(conninfo(database).c_str());
    auto* result = PQexec(connection, sql.c_str());
    const auto status = PQresultStatus(result);
    EXPECT_TRUE(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        << PQerrorMessage(connection);
    PQclear(result);
    PQfinish(connection);
  }
  std::string new_database() {
    const auto name = "db" + std::to_string(next_++);
    run("postgres", "CREATE DATABASE " + name);
    return name;
  }

 private:
  void control(const std::string& what) {
    shell(as_ + SAMOZA_PG_BIN "/pg_ctl -w -D " + folder_ + "/data -l " + folder_ + "/log " + what);
  }
  void shell(const std::string& command) {
    ASSERT_EQ(std::system(("cd / && " + command + " > /dev/null 2>&1").c_str()), 0) << command;
  }
  std::string folder_, as_;
  int next_ = 0;
};

Server& server() {
  static Server one;
  return one;
}

struct Postgres {
  std::string database = server().new_database();
  WaitQueue queue;
  store_postgres::PostgresStore postgres{queue, server().conninfo(database)};
  ports::Store& store() { return postgres; }
  template <typename T, typename Start>
  stdx::Result<T> wait(Start start) {
    stdx::Result<T> got = stdx::fail(stdx::Code::failed, "nothing came");
    bool answered = false;
    start([&](stdx::Result<T> result) {
      got = std::move(result);
      answered = true;
    });
    while (!answered && !testing::Test::HasFatalFailure()) queue.run_one();
    return got;
  }
  stdx::Result<ports::Store::Committed> commit(std::optional<std::uint64_t> term,
                                               std::vector<ports::RecordChange> changes) {
    return wait<ports::Store::Committed>([&](auto done) { postgres.commit(term, changes, done); });
  }
  stdx::Result<ports::TermRow> term() {
    return wait<ports::TermRow>([&](auto done) { postgres.read_term(done); });
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Postgres, StoreContract, Postgres);

TEST(PostgresStoreTest, ADatabaseThatIsAwayIsUnavailableAndIsFoundAgainWhenItIsBack) {
  Postgres p;
  ASSERT_TRUE(p.commit(std::nullopt, {{"a", "1", 0, "x"}}));
  server().stop();
  EXPECT_EQ(p.commit(std::nullopt, {{"a", "2", 0, "y"}}).error().code, stdx::Code::unavailable);
  EXPECT_EQ(p.term().error().code, stdx::Code::unavailable);
  server().start();
  EXPECT_TRUE(p.commit(std::nullopt, {{"a", "2", 0, "y"}}));
  // An idle connection that died is not an error: nothing was begun on it.
  server().stop();
  server().start();
  EXPECT_TRUE(p.term());
}

TEST(PostgresStoreTest, P7AConnectionLostAtCommitIsUnknownAndBeforeItUnavailable) {
  Postgres p;
  ASSERT_TRUE(p.commit(std::nullopt, {{"a", "1", 0, "x"}}));
  // Ends its own server process: at once, or (deferred) while the transaction commits.
  server().run(p.database,
               "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM "
               "pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN NEW; END $$;"
               "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON samoza_records DEFERRABLE INITIALLY "
               "DEFERRED FOR EACH ROW EXECUTE FUNCTION die();");
  EXPECT_EQ(p.commit(std::nullopt, {{"a", "2", 0, "y"}}).error().code, stdx::Code::unknown);
  server().run(p.database,
               "DROP TRIGGER die ON samoza_records; CREATE TRIGGER die BEFORE INSERT ON "
               "samoza_records FOR EACH ROW EXECUTE FUNCTION die();");
  EXPECT_EQ(p.commit(std::nullopt, {{"a", "2", 0, "y"}}).error().code, stdx::Code::unavailable);
  server().run(p.database, "DROP TRIGGER die ON samoza_records");
  const auto now =
      p.wait<ports::Store::Snapshot>([&](auto done) { p.postgres.read_since(0, done); });
  ASSERT_TRUE(now);
  EXPECT_EQ(now->records.size(), 1u);
}

TEST(PostgresStoreTest, P7TheTermCannotChangeUnderABatchThatSawIt) {
  Postgres p;
  ASSERT_TRUE(p.term());
  // Another program holds the term row as a batch does; the term waits for it, and gives up.
  auto* other = PQconnectdb(server().conninfo(p.database).c_str());
  PQclear(PQexec(other, "BEGIN; SELECT * FROM samoza_term FOR SHARE"));
  std::optional<stdx::Result<ports::TermRow>> changed;
  p.postgres.cas_term(0, 1, "a/1/1", [&](auto result) { changed = result; });
  Postgres reader;  // not p: its one connection is busy
  store_postgres::PostgresStore second(reader.queue, server().conninfo(p.database));
  const auto seen = reader.wait<ports::TermRow>([&](auto done) { second.read_term(done); });
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->version, 0u);
  // A second batch of the same term goes on beside the first.
  EXPECT_TRUE(reader.wait<ports::Store::Committed>(
      [&](auto done) { second.commit(0, {{"a", "1", 0, "x"}}, done); }));
  PQclear(PQexec(other, "COMMIT"));
  PQfinish(other);
  while (!changed && !HasFatalFailure()) p.queue.run_one();
  ASSERT_TRUE(changed && *changed);
  EXPECT_EQ((*changed)->version, 1u);
}

TEST(PostgresStoreTest, CallsPastTheBoundAreRefusedAtOnceAndCounted) {
  Postgres p;
  ASSERT_TRUE(p.term());
  auto* other = PQconnectdb(server().conninfo(p.database).c_str());
  PQclear(PQexec(other, "BEGIN; LOCK TABLE samoza_term"));
  std::size_t full = 0, good = 0;
  const std::size_t calls = store_postgres::PostgresStore::calls_max + 10;
  for (std::size_t i = 0; i < calls; ++i)
    p.postgres.read_term([&](auto result) {
      if (result)
        ++good;
      else if (result.error().code == stdx::Code::full)
        ++full;
    });
  EXPECT_EQ(p.postgres.refused(), 10u);
  PQclear(PQexec(other, "COMMIT"));
  PQfinish(other);
  while (full + good < calls && !HasFatalFailure()) p.queue.run_one();
  EXPECT_EQ(full, 10u);
}

TEST(PostgresStoreTest, AKeyThatIsNoTextIsInvalidAndTheStoreGoesOn) {
  Postgres p;
  EXPECT_EQ(p.commit(std::nullopt, {{"a", "\xff\xfe", 0, "x"}}).error().code, stdx::Code::invalid);
  EXPECT_TRUE(p.commit(std::nullopt, {{"a", "1", 0, "x"}}));
}

}  // namespace
}  // namespace adapters
