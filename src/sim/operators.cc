// SPDX-License-Identifier: Apache-2.0
#include "sim/operators.h"

#include "stdx/text.h"

namespace sim {

void Operators::start(stdx::Instant until) {
  cluster_.world.schedule(std::chrono::milliseconds(prng_.between(300, 2000)), "operator",
                          [this, until] {
                            if (cluster_.world.now() >= until) return;
                            act();
                            start(until);
                          });
}

void Operators::look(stdx::Instant until) {
  cluster_.on_term_taken = [this](std::size_t zhost) {
    cluster_.world.schedule({}, "look", [this, zhost] { cluster_.read_placements(zhost); });
  };
  cluster_.world.schedule(std::chrono::milliseconds(looks_.between(50, 500)), "look",
                          [this, until] {
                            if (cluster_.world.now() >= until) return;
                            cluster_.read_placements(looks_.below(cluster_.size()));
                            look(until);
                          });
}

void Operators::submit(std::size_t at) {
  const bool with_store = prng_.chance(1, 2);
  const auto name = stdx::format("w{}", next_++);
  const auto spec = flow_topology(name, "rare", with_store, prng_.chance(1, 2));
  cluster_.submit(at, spec, [this, name, spec](ports::HttpResponse response) {
    if (response.status >= 300) return;
    if (const auto id = cluster_.note_accepted(response, spec); !id.empty())
      ids_.push_back({id, name, spec});
  });
}

void Operators::update(std::size_t at, Topology& topology) {
  ++next_;
  for (auto& space : *topology.spec.mutable_spaces()) {
    if (!prng_.chance(1, 2)) continue;
    space.clear_config();
    auto* pair = space.add_config();
    pair->set_name("n");
    pair->set_value(std::to_string(next_));
    // Also bounds below what a mailbox or a stream holds by then.
    if (prng_.chance(1, 2))
      space.mutable_limits()->set_mailbox_messages(
          static_cast<std::uint32_t>(prng_.between(4, 64)));
    if (prng_.chance(1, 2))
      space.mutable_limits()->set_memory_bytes(static_cast<std::uint64_t>(prng_.between(1, 64))
                                               << 20);
  }
  cluster_.submit(at, topology.spec, [](auto) {}, topology.name);
}

void Operators::act() {
  const auto at = prng_.below(cluster_.size());
  const auto roll = prng_.below(10);
  if (ids_.size() < 3 && roll < 6) return submit(at);
  if (ids_.empty()) return;
  const auto which = prng_.below(ids_.size());
  const auto id = ids_[which].id, name = ids_[which].name;
  if (roll == 8) return update(at, ids_[which]);
  // One of the topologies that messages flow through all the time.
  if (roll == 7)
    return cluster_.http(at, "POST", stdx::format("/v1/topologies/t{}/restart", prng_.below(2)),
                         [](auto) {});
  if (roll == 9) {
    ids_.erase(ids_.begin() + static_cast<std::ptrdiff_t>(which));
    cluster_.checker.topology_ended(id);
    cluster_.activations.given_up(id);
    cluster_.delivery.data_removed(id, name + "-store");
    return cluster_.http(at, "DELETE", "/v1/topologies/" + id, [](auto) {});
  }
  if (roll < 5) {
    cluster_.checker.topology_ended(id);
    cluster_.activations.given_up(id);
  }
  cluster_.http(at, "POST", "/v1/topologies/" + id + (roll < 5 ? "/stop" : "/start"), [](auto) {});
}

}  // namespace sim
