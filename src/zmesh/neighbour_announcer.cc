// SPDX-License-Identifier: Apache-2.0
#include "zmesh/neighbour_announcer.h"

namespace zmesh {

NeighbourAnnouncer::NeighbourAnnouncer(ports::Runtime& runtime, rpc::RpcEndpoint& endpoint,
                                       NeighbourTable& table)
    : runtime_(runtime), endpoint_(endpoint), table_(table), timer_(runtime.executor) {
  endpoint_.on("zmesh.neighbours",
               rpc::event<v1::Neighbours>([this](const rpc::Caller& caller, v1::Neighbours said) {
                 // Only a zhost's own words about itself.
                 if (caller.from.zhost() == said.zhost() && table_.linked(said.zhost()))
                   table_.learn(said);
               }));
  endpoint_.on("zmesh.neighbours_changed",
               rpc::event<v1::NeighboursChanged>(
                   [this](const rpc::Caller& caller, v1::NeighboursChanged said) {
                     const auto& peer = caller.from.zhost();
                     if (peer != said.zhost() || !table_.linked(peer)) return;
                     if (table_.learn(said) == NeighbourTable::Heard::gap)
                       endpoint_.notify(rpc::address(peer, "zmesh"), "zmesh.neighbours_wanted",
                                        v1::NeighboursWanted().SerializeAsString());
                   }));
  endpoint_.on("zmesh.neighbours_wanted",
               rpc::event<v1::NeighboursWanted>([this](const rpc::Caller& caller, auto) {
                 endpoint_.notify(rpc::address(caller.from.zhost(), "zmesh"), "zmesh.neighbours",
                                  table_.whole().SerializeAsString());
               }));
}

void NeighbourAnnouncer::link_changed(const std::string& peer, bool up) {
  if (up)
    table_.link_up(peer);
  else
    table_.link_down(peer);
  announce();
}

void NeighbourAnnouncer::announce() {
  if (timer_.pending()) return;
  const auto now = runtime_.clock.now();
  const auto due = announced_at_ + announce_every - now;
  if (announced_at_ != stdx::Instant{} && due > stdx::Duration::zero())
    return timer_.set(due, [this] { announce(); });
  announced_at_ = now;
  const auto news = table_.take_news();
  const auto whole = news.whole.SerializeAsString();
  const auto changed = news.changed ? news.changed->SerializeAsString() : "";
  for (const auto& peer : table_.linked()) {
    const auto to = rpc::address(peer, "zmesh");
    if (news.fresh.contains(peer))
      endpoint_.notify(to, "zmesh.neighbours", whole);
    else if (news.changed)
      endpoint_.notify(to, "zmesh.neighbours_changed", changed);
  }
}

}  // namespace zmesh
