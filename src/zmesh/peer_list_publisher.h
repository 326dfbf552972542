// SPDX-License-Identifier: Apache-2.0
#pragma once

// Publishes to the zhost's zrun where the spaces are (zrun.peers): the whole list of the topologies
// that have a part here when zrun connects, then what changes. A list goes in as many pages as its
// frames need, each once zrun took the one before, so that no list is too long and none fills the
// link. What changes meanwhile is published after the list under way.
//
// If zrun is connected and does not answer a page, the whole list follows from its beginning after
// retry_after. Bound: one list under way, and what changed since it began, each entry once.

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "ports/runtime.h"
#include "rpc/rpc_endpoint.h"
#include "samoza/v1/cluster.pb.h"

namespace zmesh {

namespace v1 = samoza::v1;

// In order; at least one. Each but for its first entry has at most `bytes_max` of entries.
std::vector<v1::PeersUpdate> pages_of(v1::PeersUpdate whole, std::size_t bytes_max);

class PeerListPublisher {
 public:
  static constexpr std::size_t page_bytes_max = 1u << 20;
  static constexpr stdx::Duration answer_timeout = std::chrono::seconds(5);
  static constexpr stdx::Duration retry_after = std::chrono::milliseconds(500);

  using Changed = std::set<std::pair<std::string, std::string>>;  // topology, space or ""
  struct Source {
    // The list of this moment.
    std::function<v1::PeersUpdate()> whole;
    // Of these, what they are now; the data peers of this moment.
    std::function<v1::PeersUpdate(const Changed&)> changes;
  };
  PeerListPublisher(ports::Runtime& runtime, rpc::RpcEndpoint& endpoint, Source source);

  // Those changed, or only the data peers where there is none. Without a space: the topology has a
  // part here from now on, or none any more.
  void publish(const Changed& changed);
  // Everything, from its beginning. Also when zrun connected: what was under way was for the one
  // before.
  void begin_anew();

 private:
  void begin(v1::PeersUpdate list);
  void next_page();

  rpc::RpcEndpoint& endpoint_;
  Source source_;
  std::vector<v1::PeersUpdate> pages_;  // of the list under way, the next one last
  Changed changed_;                     // since it began
  bool under_way_ = false, again_ = false;
  bool whole_published_ = false;  // changes can go alone
  std::uint64_t lists_ = 0;       // begun: the answer to a page of a former one says nothing
  ports::Timer retry_;
  ports::Counter& pages_sent_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zmesh
