// SPDX-License-Identifier: Apache-2.0
#include "adapters/store_memory/memory_store.h"

#include <algorithm>

namespace adapters::store_memory {

using stdx::Code;

stdx::Result<ports::TermRow> Database::cas_term(std::uint64_t expected_version,
                                                std::uint64_t next_term, std::string next_holder) {
  TRY_ASSIGN(now_.term,
             ports::next_term_row(now_.term, expected_version, next_term, std::move(next_holder)));
  return now_.term;
}

stdx::Status Database::check(const ports::RecordChange& change) const {
  const auto row = now_.rows.find({change.kind, change.key});
  const auto version = row == now_.rows.end() ? 0 : row->second.version;
  return ports::check_version(change, version);
}

stdx::Result<ports::Store::Committed> Database::commit(
    std::optional<std::uint64_t> term, const std::vector<ports::RecordChange>& changes) {
  TRY(ports::check_batch(changes));
  if (term) TRY(ports::check_term(*term, now_.term));
  for (const auto& change : changes) TRY(check(change));
  ++now_.revision;
  for (const auto& change : changes) {
    const Key key{change.kind, change.key};
    if (change.value) {
      now_.rows[key] = {change.expected_version + 1, now_.revision, *change.value};
      now_.deleted.erase(key);
    } else if (now_.rows.erase(key) > 0) {
      now_.deleted[key] = now_.revision;
    }
  }
  purge();
  return ports::Store::Committed{now_.revision};
}

void Database::purge() {
  using ports::Store;
  if (now_.deleted.size() < Store::deleted_max + Store::deleted_step) return;
  std::vector<std::uint64_t> revisions;
  for (const auto& [key, at] : now_.deleted) revisions.push_back(at);
  const auto oldest_kept = revisions.end() - static_cast<std::ptrdiff_t>(Store::deleted_max);
  std::nth_element(revisions.begin(), oldest_kept, revisions.end());
  now_.purged = *oldest_kept;
  std::erase_if(now_.deleted, [this](const auto& entry) { return entry.second <= now_.purged; });
}

ports::Store::Snapshot Database::read_page(const ports::Store::Page& page) const {
  ports::Store::Snapshot snapshot{
      .revision = now_.revision, .term = now_.term, .records = {}, .deleted = {}};
  snapshot.whole = page.revision > 0 && page.revision < now_.purged;
  const auto since = snapshot.whole ? 0 : page.revision;
  std::size_t bytes = 0;
  for (auto row = page.after ? now_.rows.upper_bound(*page.after) : now_.rows.begin();
       row != now_.rows.end(); ++row) {
    const auto& [key, record] = *row;
    if (record.revision <= since) continue;
    if (emptied && key.first != "zhost" && key.first != "lineage") continue;
    if (bytes >= page.bytes_max) {
      snapshot.more = true;
      break;
    }
    bytes += key.first.size() + key.second.size() + record.value.size();
    snapshot.records.push_back({key.first, key.second, record.version, record.value});
  }
  if (since > 0 && !page.after)
    for (const auto& [key, at] : now_.deleted)
      if (at > since) snapshot.deleted.push_back(key);
  return snapshot;
}

template <typename T>
void MemoryStore::run(std::function<stdx::Result<T>()> what, Done<T> done) {
  constexpr stdx::Duration look_again = std::chrono::milliseconds(20);
  const auto wait = database_.stalled ? look_again : latency_;
  executor_.after(wait, [this, what = std::move(what), done = std::move(done)]() mutable {
    if (database_.stalled) return run(std::move(what), std::move(done));
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

void MemoryStore::read_page(Page page, Done<Snapshot> done) {
  run<Snapshot>([this, page = std::move(
                           page)]() -> stdx::Result<Snapshot> { return database_.read_page(page); },
                std::move(done));
}

void MemoryStore::copy(Done<Copy> done) {
  if (!encode_) return Store::copy(std::move(done));
  run<Copy>([this] { return encode_(database_.read_page({})); }, std::move(done));
}

namespace {

std::unexpected<stdx::Error> keeps_nothing() {
  return stdx::fail(Code::unsupported,
                    "the memory store forgets its records when the control plane ends, so nothing "
                    "can be put back into it; set control_plane.store: sqlite, start the control "
                    "plane and restore the copy there");
}

}  // namespace

void MemoryStore::restore(std::string, Done<std::string> done) {
  done(keeps_nothing());
}

void MemoryStore::restore_copy(Copy, Done<std::string> done) {
  done(keeps_nothing());
}

}  // namespace adapters::store_memory
