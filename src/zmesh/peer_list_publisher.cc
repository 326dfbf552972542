// SPDX-License-Identifier: Apache-2.0
#include "zmesh/peer_list_publisher.h"

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
  for (auto& page : pages) {
    page.set_term(whole.term());
    page.set_delta(whole.delta());
  }
  return pages;
}

PeerListPublisher::PeerListPublisher(ports::Runtime& runtime, rpc::RpcEndpoint& endpoint,
                                     Source source)
    : endpoint_(endpoint),
      source_(std::move(source)),
      retry_(runtime.executor),
      pages_sent_(runtime.metrics.counter("samoza_zmesh_peers_pages_total",
                                          "Pages of the list of partners told to zrun")) {}

void PeerListPublisher::publish(const Changed& changed) {
  changed_.insert(changed.begin(), changed.end());
  again_ = true;
  if (under_way_ || retry_.pending()) return;
  if (!whole_published_) return begin_anew();
  again_ = false;
  begin(source_.changes(std::exchange(changed_, {})));
}

void PeerListPublisher::begin_anew() {
  again_ = false;
  changed_.clear();
  whole_published_ = false;
  begin(source_.whole());
}

void PeerListPublisher::begin(v1::PeersUpdate list) {
  retry_.cancel();
  ++lists_;
  under_way_ = true;
  pages_ = pages_of(std::move(list), page_bytes_max);
  std::reverse(pages_.begin(), pages_.end());
  next_page();
}

void PeerListPublisher::next_page() {
  const auto page = std::move(pages_.back());
  pages_.pop_back();
  pages_sent_.add();
  endpoint_.request(
      rpc::address("", "zrun"), "zrun.peers", page.SerializeAsString(), answer_timeout,
      [this, list = lists_, alive = std::weak_ptr<bool>(alive_)](stdx::Result<stdx::Bytes> taken) {
        if (alive.expired() || list != lists_) return;
        if (!taken) {
          under_way_ = false;
          whole_published_ = false;
          pages_.clear();
          // One that is gone is told when it connects.
          if (taken.error().code != stdx::Code::unavailable)
            retry_.set(retry_after, [this] { begin_anew(); });
          return;
        }
        if (!pages_.empty()) return next_page();
        under_way_ = false;
        whole_published_ = true;
        if (again_) publish({});
      });
}

}  // namespace zmesh
