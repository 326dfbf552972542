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
      ids_.push_back({id, name});
  });
}

void Operators::act() {
  const auto at = prng_.below(cluster_.size());
  const auto roll = prng_.below(10);
  if (ids_.size() < 3 && roll < 6) return submit(at);
  if (ids_.empty()) return;
  const auto which = prng_.below(ids_.size());
  const auto [id, name] = ids_[which];
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
