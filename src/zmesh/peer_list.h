// SPDX-License-Identifier: Apache-2.0
#pragma once

// What zrun of this zhost is to know of the others: of each topology that has a part here where all
// of its spaces are, and the members that run one of them (for data links). Keeps which topologies
// have a part here; everything else comes from the directory. PeerListPublisher sends it.

#include <set>
#include <string>
#include <vector>

#include "samoza/v1/cluster.pb.h"
#include "zmesh/directory.h"
#include "zmesh/peer_links.h"
#include "zmesh/peer_list_publisher.h"

namespace zmesh {

class PeerList {
 public:
  using Changed = PeerListPublisher::Changed;

  PeerList(const Directory& directory, const PeerLinks& peers, std::string self)
      : directory_(directory), peers_(peers), self_(std::move(self)) {}

  // The directory changed at these names: what of that concerns zrun. A topology that has a part
  // here from now on, or none any more, is named as a whole.
  Changed take_changes(const std::vector<Directory::Name>& names);

  v1::PeersUpdate whole() const;
  v1::PeersUpdate changes(const Changed& changed) const;

 private:
  void add_data_peers(v1::PeersUpdate& update) const;

  const Directory& directory_;
  const PeerLinks& peers_;
  std::string self_;
  std::set<std::string> topologies_here_;
};

}  // namespace zmesh
