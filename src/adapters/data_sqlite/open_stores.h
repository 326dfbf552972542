// SPDX-License-Identifier: Apache-2.0
#pragma once

// The SQLite files that are open now, at most open_max: each costs three descriptors and its page
// cache. At the bound the one used longest ago is closed; it is opened again when it is next used.
// A file whose disk failed is closed at once, so that its next use reads what the disk holds.
// Used by one thread.

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "adapters/sqlite/database.h"
#include "ports/metrics.h"

namespace adapters::data_sqlite {

class OpenStores {
 public:
  static constexpr unsigned cache_kib = 256;  // of each open file

  OpenStores(std::size_t open_max, ports::Gauge* open) : open_max_(open_max), open_gauge_(open) {}

  // The file at `path`, of at most bytes_max (0: no bound). Code::not_found where it is not there
  // and not to be made. Valid until the next call.
  stdx::Result<sqlite::Database*> get(const std::string& path, bool create,
                                      std::uint64_t bytes_max);
  void close(const std::string& path);
  std::size_t size() const { return files_.size(); }

 private:
  struct File {
    std::string path;
    std::unique_ptr<sqlite::Database> database;
  };
  void changed();

  std::size_t open_max_;
  ports::Gauge* open_gauge_;
  std::list<File> files_;  // used last: first
  std::unordered_map<std::string, std::list<File>::iterator> by_path_;
};

}  // namespace adapters::data_sqlite
