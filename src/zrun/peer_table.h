// SPDX-License-Identifier: Apache-2.0
#pragma once

// Where the spaces of the topologies here are on other zhosts, as zmesh tells it: whole at first,
// then by change. Kept also for topologies that come later.
//
// Not thread-safe: it belongs to the loop of its zrun.

#include <map>
#include <optional>
#include <string>

#include "samoza/v1/cluster.pb.h"
#include "zrun/courier.h"
#include "zrun/data_links.h"
#include "zrun/local_spaces.h"

namespace zrun {

class PeerTable {
 public:
  // All outlive it.
  PeerTable(LocalSpaces& spaces, Courier& courier, DataLinks& links)
      : spaces_(spaces), courier_(courier), links_(links) {}

  // The next page of an update (zrun.peers).
  void take(v1::PeersUpdate page);
  // A topology came, or a space of it: it hears what was told before.
  void tell(LocalTopology& topology);

 private:
  void tell(LocalTopology& topology, const v1::DirectoryEntry& entry);

  LocalSpaces& spaces_;
  Courier& courier_;
  DataLinks& links_;
  // By topology, then by space.
  std::map<std::string, std::map<std::string, v1::DirectoryEntry>> peers_;
  std::optional<v1::PeersUpdate> coming_;  // the pages of the next one so far
};

}  // namespace zrun
