// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the leader tells each zmesh about where spaces are: increments with a sequence number, and
// the whole where a zmesh is new or refused an increment. No update holds more entries than fit a
// frame. The whole comes in parts that the reader takes for nothing until the last one is there; a
// part whose answer was lost is sent again. Pure.
//
// All readers share the link to zmesh with the renewals of the lease: a part under way to one zhost
// at a time, and bytes_max to all of them.

#include <map>
#include <optional>
#include <set>
#include <string>

#include "samoza/v1/cluster.pb.h"
#include "zrms/records.h"

namespace zrms {

class DirectorySender {
 public:
  static constexpr std::size_t part_bytes_max = 256u << 10;  // one entry more may fit in
  static constexpr std::size_t bytes_max = 2u << 20;         // under way to all readers

  // A new leadership session: everybody gets the whole.
  void restart(std::uint64_t term, std::string leader);
  // Takes in what changed in the rows since the last call.
  void update(const Records& records);

  struct Part {
    std::string zhost;
    v1::DirectoryUpdate update;
    std::size_t bytes = 0;  // for `answered`
  };
  // Its zmesh is to be told; with another incarnation than before it knows nothing.
  void reader(const std::string& zhost, std::uint64_t incarnation);
  // The next part that may leave now, of any reader: they take turns. None while all know
  // everything, an answer of each is awaited, or the window is full.
  std::optional<Part> next();
  enum class Answer { taken, refused, lost };
  void answered(const std::string& zhost, std::size_t bytes, Answer answer);
  // Its zmesh was linked again, started or is not to be told any more.
  void forget(const std::string& zhost);
  std::size_t entries() const { return entries_.size(); }
  bool has_readers() const { return !readers_.empty(); }

 private:
  struct Entry {
    v1::DirectoryEntry entry;
    std::uint64_t changed_at = 0;  // sequence: no two entries have the same
    bool gone = false;             // its row is no more
  };
  struct Reader {
    std::uint64_t incarnation = 0;
    std::uint64_t knows = 0;    // sequence
    std::uint32_t parts = 0;    // of a whole that it has taken so far
    bool whole = true;          // it is being told the whole
    std::uint64_t awaited = 0;  // sequence that it knows once it answers; 0: nothing is under way
    bool last = false;          // that is the end of the whole
  };
  void note(const Records& records, const Records::Key& key);
  void changed(const Records::Key& key, Entry& entry);
  void forget_gone();
  Part part_for(const std::string& zhost, Reader& reader);

  std::uint64_t term_ = 0;
  std::string leader_;
  std::uint64_t sequence_ = 1;
  ChangeLog::Place read_ = 0;
  std::map<Records::Key, Entry> entries_;
  std::map<std::uint64_t, Records::Key> by_change_;  // the same entries, in order of changed_at
  std::set<std::uint64_t> gone_;                     // changed_at of those that are gone
  std::map<std::string, Reader> readers_;
  std::string last_served_;
  std::size_t under_way_bytes_ = 0;
};

}  // namespace zrms
