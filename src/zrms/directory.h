// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the leader tells each zmesh about where spaces are: increments with a sequence number, and
// the whole where a zmesh is new or an answer was not good. Pure.

#include <map>
#include <optional>
#include <string>

#include "samoza/v1/cluster.pb.h"
#include "zrms/records.h"

namespace zrms {

class DirectorySender {
 public:
  // A new reign: everybody gets the whole.
  void restart(std::uint64_t term, std::string leader);
  // Takes in the rows as they are now.
  void update(const Records& records);
  // What to send to that zhost now; none when it knows everything or an answer is awaited.
  std::optional<v1::DirectoryUpdate> next(const std::string& zhost, std::uint64_t incarnation);
  void answered(const std::string& zhost, bool good);
  // Its zmesh was linked again or started: it may know nothing.
  void forget(const std::string& zhost) { readers_.erase(zhost); }

 private:
  struct Reader {
    std::uint64_t incarnation = 0;
    std::uint64_t knows = 0;  // sequence
    std::uint64_t awaited = 0;
  };
  std::uint64_t term_ = 0;
  std::string leader_;
  std::uint64_t sequence_ = 1;
  std::map<Records::Key, std::pair<v1::DirectoryEntry, std::uint64_t>> entries_;  // changed at
  std::map<std::string, Reader> readers_;
};

}  // namespace zrms
