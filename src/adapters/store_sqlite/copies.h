// SPDX-License-Identifier: Apache-2.0
#pragma once

// Copies of the records' database as files: made while it is in use, and put back at the next
// start.

#include <cstdint>
#include <string>

#include "adapters/sqlite/database.h"
#include "ports/store.h"

namespace adapters::store_sqlite {

// Into a new file, from one consistent state. Code::conflict: a file is there already.
stdx::Result<std::uint64_t> copy_to(sqlite::Database& db, const std::string& path);

// Checks that `copy` is a whole database of records, and lays it beside `database` for
// take_restored. Answers where that one will be kept.
stdx::Result<std::string> put_back(const std::string& copy, const std::string& database);

// The same with bytes instead of files.
stdx::Result<ports::Store::Copy> copy_of(sqlite::Database& db);
stdx::Result<std::string> put_back(const ports::Store::Copy& copy, const std::string& database);

// At a start: what was put back takes the place of the database, which is kept beside it.
stdx::Status take_restored(const std::string& database);

}  // namespace adapters::store_sqlite
