// SPDX-License-Identifier: Apache-2.0
#pragma once

// Tells zrun of this zhost who is where (zrun.peers): in as many pages as its frames need, one
// after the other, each once the one before was taken, so that no list is too long to be told and
// none fills the link. A list that changes meanwhile is told whole after the one under way: a zhost
// whose topologies change all the time still gets to an end.
//
// A page that zrun, which is there, does not answer is followed by the newest list from its
// beginning, after retry_after. Bound: one list under way and one that waits, of what the directory
// may hold.

#include <functional>
#include <memory>
#include <vector>

#include "ports/runtime.h"
#include "rpc/exchange.h"
#include "samoza/v1/cluster.pb.h"

namespace zmesh {

namespace v1 = samoza::v1;

// In order; at least one. Each but for its first entry has at most `bytes_max` of entries.
std::vector<v1::PeersUpdate> pages_of(v1::PeersUpdate whole, std::size_t bytes_max);

class PeersTeller {
 public:
  static constexpr std::size_t page_bytes_max = 1u << 20;
  static constexpr stdx::Duration answer_timeout = std::chrono::seconds(5);
  static constexpr stdx::Duration retry_after = std::chrono::milliseconds(500);

  // `newest` makes the list of this moment.
  PeersTeller(ports::Runtime& runtime, rpc::Exchange& exchange,
              std::function<v1::PeersUpdate()> newest);

  // There is something to tell.
  void tell();
  // The newest list, from its beginning. Also when zrun connected: what was under way was for the
  // one before.
  void begin_anew();

 private:
  void next_page();

  rpc::Exchange& exchange_;
  std::function<v1::PeersUpdate()> newest_;
  std::vector<v1::PeersUpdate> pages_;  // of the list under way, the next one last
  bool under_way_ = false, again_ = false;
  std::uint64_t lists_ = 0;  // begun: the answer to a page of a former one says nothing
  ports::Timer retry_;
  ports::Counter& pages_sent_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zmesh
