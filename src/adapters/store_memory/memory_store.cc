// SPDX-License-Identifier: Apache-2.0
#include "adapters/store_memory/memory_store.h"

namespace adapters::store_memory {

using stdx::Code;

stdx::Result<ports::TermRow> Database::cas_term(std::uint64_t expected_version,
                                                std::uint64_t next_term, std::string next_holder) {
  TRY_ASSIGN(term_,
             ports::next_term_row(term_, expected_version, next_term, std::move(next_holder)));
  return term_;
}

stdx::Status Database::check(const ports::RecordChange& change) const {
  const auto row = rows_.find({change.kind, change.key});
  const auto version = row == rows_.end() ? 0 : row->second.version;
  return ports::check_version(change, version);
}

stdx::Result<ports::Store::Committed> Database::commit(
    std::optional<std::uint64_t> term, const std::vector<ports::RecordChange>& changes) {
  TRY(ports::check_batch(changes));
  if (term) TRY(ports::check_term(*term, term_));
  for (const auto& change : changes) TRY(check(change));
  ++revision_;
  for (const auto& change : changes) {
    const Key key{change.kind, change.key};
    if (change.value) {
      rows_[key] = {change.expected_version + 1, revision_, *change.value};
      deleted_.erase(key);
    } else if (rows_.erase(key) > 0) {
      deleted_[key] = revision_;
    }
  }
  return ports::Store::Committed{revision_};
}

ports::Store::Snapshot Database::read_since(std::uint64_t revision) const {
  ports::Store::Snapshot snapshot{
      .revision = revision_, .term = term_, .records = {}, .deleted = {}};
  for (const auto& [key, row] : rows_)
    if (row.revision > revision && (!emptied || key.first == "zhost"))
      snapshot.records.push_back({key.first, key.second, row.version, row.value});
  if (revision > 0)
    for (const auto& [key, at] : deleted_)
      if (at > revision) snapshot.deleted.push_back(key);
  return snapshot;
}

template <typename T>
void MemoryStore::run(std::function<stdx::Result<T>()> what, Done<T> done) {
  executor_.after(latency_, [this, what = std::move(what), done = std::move(done)] {
    const auto fault = database_.fault ? database_.fault() : Fault::none;
    if (fault == Fault::unavailable)
      return done(stdx::fail(Code::unavailable, "the database is away"));
    if (fault == Fault::unknown_lost)
      return done(stdx::fail(Code::unknown, "the database went away"));
    auto result = what();
    if (fault == Fault::unknown_applied)
      return done(stdx::fail(Code::unknown, "the database went away"));
    done(std::move(result));
  });
}

void MemoryStore::read_term(Done<ports::TermRow> done) {
  run<ports::TermRow>([this]() -> stdx::Result<ports::TermRow> { return database_.term(); },
                      std::move(done));
}

void MemoryStore::cas_term(std::uint64_t expected_version, std::uint64_t next_term,
                           std::string next_holder, Done<ports::TermRow> done) {
  run<ports::TermRow>(
      [this, expected_version, next_term, next_holder = std::move(next_holder)] {
        return database_.cas_term(expected_version, next_term, next_holder);
      },
      std::move(done));
}

void MemoryStore::commit(std::optional<std::uint64_t> term,
                         std::vector<ports::RecordChange> changes, Done<Committed> done) {
  run<Committed>(
      [this, term, changes = std::move(changes)] { return database_.commit(term, changes); },
      std::move(done));
}

void MemoryStore::read_since(std::uint64_t revision, Done<Snapshot> done) {
  run<Snapshot>(
      [this, revision]() -> stdx::Result<Snapshot> { return database_.read_since(revision); },
      std::move(done));
}

}  // namespace adapters::store_memory
