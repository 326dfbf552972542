// SPDX-License-Identifier: Apache-2.0
#include "zmesh/peers_teller.h"

#include <algorithm>

#include "rpc/service_bus.h"

namespace zmesh {

std::vector<v1::PeersUpdate> pages_of(v1::PeersUpdate whole, std::size_t bytes_max) {
  std::vector<v1::PeersUpdate> pages(1);
  std::size_t bytes = 0;
  // The data peers are few: a member each, so at most a thousand.
  pages.back().mutable_data_peers()->Swap(whole.mutable_data_peers());
  for (auto& entry : *whole.mutable_entries()) {
    const auto size = entry.ByteSizeLong() + 4;  // tag and length
    if (bytes + size > bytes_max && bytes > 0) {
      pages.back().set_more(true);
      pages.emplace_back().set_further(true);
      bytes = 0;
    }
    bytes += size;
    *pages.back().add_entries() = std::move(entry);
  }
  for (auto& page : pages) page.set_term(whole.term());
  return pages;
}

PeersTeller::PeersTeller(ports::Runtime& runtime, rpc::Exchange& exchange,
                         std::function<v1::PeersUpdate()> newest)
    : exchange_(exchange),
      newest_(std::move(newest)),
      retry_(runtime.executor),
      pages_sent_(runtime.metrics.counter("samoza_zmesh_peers_pages_total",
                                          "Pages of the list of partners told to zrun")) {}

void PeersTeller::tell() {
  if (under_way_)
    again_ = true;
  else
    begin_anew();
}

void PeersTeller::begin_anew() {
  retry_.cancel();
  ++lists_;
  again_ = false;
  under_way_ = true;
  pages_ = pages_of(newest_(), page_bytes_max);
  std::reverse(pages_.begin(), pages_.end());
  next_page();
}

void PeersTeller::next_page() {
  const auto page = std::move(pages_.back());
  pages_.pop_back();
  pages_sent_.add();
  exchange_.request(
      rpc::address("", "zrun"), "zrun.peers", page.SerializeAsString(), answer_timeout,
      [this, list = lists_, alive = std::weak_ptr<bool>(alive_)](stdx::Result<stdx::Bytes> taken) {
        if (alive.expired() || list != lists_) return;
        if (!taken) {
          under_way_ = false;
          pages_.clear();
          // One that is gone is told when it connects.
          if (taken.error().code != stdx::Code::unavailable)
            retry_.set(retry_after, [this] { tell(); });
          return;
        }
        if (!pages_.empty()) return next_page();
        under_way_ = false;
        if (again_) begin_anew();
      });
}

}  // namespace zmesh
