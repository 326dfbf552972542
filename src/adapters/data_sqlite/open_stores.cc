// SPDX-License-Identifier: Apache-2.0
#include "adapters/data_sqlite/open_stores.h"

namespace adapters::data_sqlite {

stdx::Result<sqlite::Database*> OpenStores::get(const std::string& path, bool create,
                                                std::uint64_t bytes_max) {
  if (const auto at = by_path_.find(path); at != by_path_.end()) {
    if (!at->second->database->is_broken()) {
      files_.splice(files_.begin(), files_, at->second);
      return at->second->database.get();
    }
    close(path);
  }
  while (!files_.empty() && files_.size() >= open_max_) close(std::string(files_.back().path));
  TRY_ASSIGN(auto database, sqlite::Database::open(path, {.create = create,
                                                          .bytes_max = bytes_max,
                                                          .cache_kib = cache_kib,
                                                          .exit_on_bad_disk = false}));
  files_.push_front({path, std::move(database)});
  by_path_[path] = files_.begin();
  changed();
  return files_.front().database.get();
}

void OpenStores::close(const std::string& path) {
  const auto at = by_path_.find(path);
  if (at == by_path_.end()) return;
  files_.erase(at->second);
  by_path_.erase(at);
  changed();
}

void OpenStores::changed() {
  if (open_gauge_ != nullptr) open_gauge_->set(static_cast<std::int64_t>(files_.size()));
}

}  // namespace adapters::data_sqlite
