// SPDX-License-Identifier: Apache-2.0
#include "ports/store.h"

#include <set>

#include "stdx/text.h"

namespace ports {

using stdx::Code;

void Store::backup(std::string, Done<std::uint64_t> done) {
  done(stdx::fail(Code::unsupported,
                  "this database makes no copies here; use its own tools (PostgreSQL: pg_dump)"));
}

void Store::restore(std::string, Done<std::string> done) {
  done(stdx::fail(Code::unsupported,
                  "this database takes no copies back here; use its own tools "
                  "(PostgreSQL: psql, pg_restore)"));
}

void Store::copy(Done<Copy> done) {
  done(stdx::fail(Code::unsupported,
                  "this database makes no copies here; use its own tools (PostgreSQL: pg_dump)"));
}

void Store::restore_copy(Copy, Done<std::string> done) {
  done(stdx::fail(Code::unsupported,
                  "this database takes no copies back here; use its own tools "
                  "(PostgreSQL: psql, pg_restore)"));
}

stdx::Status check_batch(const std::vector<RecordChange>& changes) {
  if (changes.size() > Store::batch_changes_max)
    return stdx::fail(Code::full, stdx::format("a batch has {} changes, at most {} are taken",
                                               changes.size(), Store::batch_changes_max));
  std::set<std::pair<std::string_view, std::string_view>> rows;
  for (const auto& change : changes) {
    if (change.kind.find('\0') != std::string::npos || change.key.find('\0') != std::string::npos)
      return stdx::fail(Code::invalid, "a record's kind or key holds a zero byte");
    if (!rows.insert({change.kind, change.key}).second)
      return stdx::fail(Code::invalid, stdx::format("{} '{}' is changed twice in a batch",
                                                    change.kind, change.key));
    if (change.value && change.value->size() > Store::value_bytes_max)
      return stdx::fail(Code::invalid, stdx::format("{} '{}' is larger than {} MiB", change.kind,
                                                    change.key, Store::value_bytes_max >> 20));
  }
  return {};
}

stdx::Result<TermRow> next_term_row(const TermRow& now, std::uint64_t expected_version,
                                    std::uint64_t next_term, std::string next_holder) {
  if (now.version != expected_version)
    return stdx::fail(Code::conflict, stdx::format("the term row has version {}, not {}",
                                                   now.version, expected_version));
  if (next_term < now.term)
    return stdx::fail(Code::invalid,
                      stdx::format("a term never falls: {} after {}", next_term, now.term));
  return TermRow{next_term, std::move(next_holder), expected_version + 1};
}

stdx::Status check_version(const RecordChange& change, std::uint64_t version) {
  if (version == change.expected_version) return {};
  return stdx::fail(Code::conflict, stdx::format("{} '{}' has version {}, not {}", change.kind,
                                                 change.key, version, change.expected_version));
}

stdx::Status check_term(std::uint64_t wanted, const TermRow& now) {
  if (wanted == now.term) return {};
  return stdx::fail(Code::stale, stdx::format("term {} is over, now {}", wanted, now.term));
}

}  // namespace ports
