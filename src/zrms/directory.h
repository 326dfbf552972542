// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the leader tells each zmesh about where spaces are: increments with a sequence number, and
// the whole where a zmesh is new or an answer was not good. No update holds more entries than fit a
// frame. Pure.

#include <map>
#include <optional>
#include <string>

#include "samoza/v1/cluster.pb.h"
#include "zrms/records.h"

namespace zrms {

class DirectorySender {
 public:
  static constexpr std::size_t part_max = 10'000;  // entries of an update, of up to 200 bytes each

  // A new reign: everybody gets the whole.
  void restart(std::uint64_t term, std::string leader);
  // Takes in the rows as they are now.
  void update(const Records& records);
  // What to send to that zhost now; none when it knows everything or an answer is awaited.
  std::optional<v1::DirectoryUpdate> next(const std::string& zhost, std::uint64_t incarnation);
  void answered(const std::string& zhost, bool good);
  // Its zmesh was linked again or started: it may know nothing.
  void forget(const std::string& zhost) { readers_.erase(zhost); }
  std::size_t entries() const { return entries_.size(); }

 private:
  struct Entry {
    v1::DirectoryEntry entry;
    std::uint64_t changed_at = 0;  // sequence
    bool gone = false;             // its row is no more
  };
  void forget_gone();

  struct Reader {
    std::uint64_t incarnation = 0;
    std::uint64_t knows = 0;  // sequence
    std::uint64_t awaited = 0;
  };
  std::uint64_t term_ = 0;
  std::string leader_;
  std::uint64_t sequence_ = 1;
  std::map<Records::Key, Entry> entries_;
  std::map<std::string, Reader> readers_;
};

}  // namespace zrms
