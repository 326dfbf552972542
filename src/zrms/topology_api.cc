// SPDX-License-Identifier: Apache-2.0
#include "zrms/topology_api.h"

#include <algorithm>
#include <utility>

#include "stdx/rfc3339.h"
#include "stdx/text.h"
#include "wire/json.h"
#include "wire/states.h"
#include "zrms/named_topology.h"
#include "zrms/versions.h"

namespace zrms {

using stdx::Code;

namespace {
constexpr std::size_t purged_at_once = 500;
}  // namespace

TopologyApi::TopologyApi(ports::Runtime& runtime, Leader& leader, LeaderRoutes& routes,
                         const TopologyViews& views, VersionWriter& writer)
    : runtime_(runtime), leader_(leader), views_(views), writer_(writer) {
  routes.add_reader("/v1/topologies", [this](wire::RouteMatch match, ports::HttpReply reply) {
    list(match.request, std::move(reply));
  });
  routes.add_reader("/v1/topologies/{id}", [this](wire::RouteMatch match, ports::HttpReply reply) {
    show(match.parameters["id"], match.request, std::move(reply));
  });
  for (const auto& [pattern, desired] : {std::pair{"/v1/topologies/{id}/stop", v1::DESIRED_STOPPED},
                                         {"/v1/topologies/{id}/start", v1::DESIRED_RUNNING}})
    routes.add_at_leader(
        "POST", pattern, [this, desired = desired](wire::RouteMatch match, ports::HttpReply reply) {
          set_desired(match.parameters["id"], desired, actor_of(match.request), std::move(reply));
        });
  routes.add_at_leader(
      "DELETE", "/v1/topologies/{id}", [this](wire::RouteMatch match, ports::HttpReply reply) {
        const auto& id = match.parameters["id"];
        if (match.request.query["keep_data"] == "1")
          return delete_keeping_data(id, actor_of(match.request), std::move(reply));
        set_desired(id, v1::DESIRED_DELETED, actor_of(match.request), std::move(reply));
      });
  routes.add_at_leader("POST", "/v1/topologies/{id}/purge",
                       [this](wire::RouteMatch match, ports::HttpReply reply) {
                         purge(match.parameters["id"], match.request, std::move(reply));
                       });
}

void TopologyApi::list(const ports::HttpRequest& request, ports::HttpReply reply) const {
  const auto limit = limit_of(request.query, TopologyViews::topologies_shown_max);
  if (!limit) return reply(wire::error_response(limit.error()));
  reply(wire::json_response(views_.list(query_value(request.query, "summary") == "1",
                                        query_value(request.query, "after"), *limit)));
}

void TopologyApi::show(const std::string& id, const ports::HttpRequest& request,
                       ports::HttpReply reply) const {
  const auto* row = named_topology(leader_.records(), id);
  if (row == nullptr) return reply(wire::error_response(no_topology(leader_.records(), id)));
  reply(wire::json_response(views_.view_of(*row, query_value(request.query, "summary") == "1",
                                           query_value(request.query, "after"))));
}

void TopologyApi::set_desired(const std::string& id, v1::Desired desired, const std::string& by,
                              ports::HttpReply reply) {
  if (!leader_.ready())
    return reply(wire::error_response({Code::unavailable, leader_.why_not_ready()}));
  const auto none = stdx::fail(
      Code::not_found, stdx::format("there is no topology '{}' any more; `topo` lists those "
                                    "that there are",
                                    stdx::printable(id, 80)));
  const auto* found = named_topology(leader_.records(), id);
  if (found == nullptr) return reply(wire::error_response(no_topology(leader_.records(), id)));
  // A name may be given to another topology meanwhile: what was asked about is this one.
  const auto asked = found->record.id();
  const auto write = [asked, desired, none, by,
                      updated = stdx::format_rfc3339(runtime_.clock.wall())](
                         const Records& records) -> stdx::Result<std::vector<RowChange>> {
    const auto* row = records.topology(asked);
    if (row == nullptr || row->record.desired() == v1::DESIRED_DELETED) return none;
    if (row->record.desired() == desired) return std::vector<RowChange>();
    auto next = row->record;
    next.set_desired(desired);
    next.set_updated(updated);
    if (desired == v1::DESIRED_RUNNING && wire::state_of(next) == wire::TopologyState::stopped) {
      if (is_kept_data(row->spec())) return std::unexpected(only_data(row->spec().name));
      wire::set_state(next, wire::TopologyState::pending);
    }
    auto change = change_of(*row, std::move(next));
    change.by = by;
    return std::vector{std::move(change)};
  };
  leader_.change(
      write, [this, asked, reply, alive = std::weak_ptr<bool>(alive_)](stdx::Status done) {
        if (!done) return reply(wire::error_response(done.error()));
        if (alive.expired())
          return reply(wire::error_response({Code::unavailable, "this zrms is stopping"}));
        const auto* changed = leader_.records().topology(asked);
        if (changed == nullptr) return reply(wire::json_response(v1::TopologyView()));
        reply(wire::json_response(views_.view_after_change(*changed)));
      });
}

void TopologyApi::delete_keeping_data(const std::string& id, const std::string& by,
                                      ports::HttpReply reply) {
  const auto* row = named_topology(leader_.records(), id);
  if (row == nullptr) return reply(wire::error_response(no_topology(leader_.records(), id)));
  const auto make = [by](const Records&, const TopologyRow& now) -> stdx::Result<NextVersion> {
    NextVersion next;
    auto nothing = now.spec();
    nothing.spaces.clear();
    nothing.paths.clear();
    TRY_ASSIGN(next.updated, model::update(now.spec(), nothing));
    next.what = "delete, data kept";
    next.by = by;
    return next;
  };
  writer_.write(row->record.id(), make, {}, [reply](stdx::Result<v1::SubmitReply> done) {
    reply(done ? wire::json_response(*done) : wire::error_response(done.error()));
  });
}

void TopologyApi::purge(const std::string& id, const ports::HttpRequest& request,
                        ports::HttpReply reply) {
  const auto action_read = topology_action(request);
  if (!action_read) return reply(wire::error_response(action_read.error()));
  const auto& asked = *action_read;
  const auto* row = named_topology(leader_.records(), id);
  if (row == nullptr) return reply(wire::error_response(no_topology(leader_.records(), id)));
  std::vector<std::string> spaces;
  for (const auto& space : row->spec().spaces) {
    const bool named =
        asked.spaces().empty() ||
        std::find(asked.spaces().begin(), asked.spaces().end(), space.name) != asked.spaces().end();
    const auto* placed = leader_.records().space(row->record.id(), space.name);
    if (named && space.removed && keeps_something(placed) && !placed->record.tombstone())
      spaces.push_back(space.name);
  }
  for (const auto& name : asked.spaces())
    if (std::find(spaces.begin(), spaces.end(), name) == spaces.end())
      return reply(wire::error_response(
          {Code::conflict,
           stdx::format("space '{}' of topology '{}' has nothing to purge: only what an update "
                        "removed, or a deletion kept, can be purged",
                        stdx::printable(name, 80), row->spec().name)}));
  v1::TopologyActionReply out;
  out.set_version(row->spec().version);
  for (const auto& space : spaces)
    if (static_cast<std::size_t>(out.spaces_size()) < changes_shown_max) out.add_spaces(space);
  if (asked.dry_run()) return reply(wire::json_response(out));
  // Of a topology of which only the data is left, nothing stays.
  if (is_kept_data(row->spec()) && asked.spaces().empty()) {
    const auto topology = row->record.id();
    return set_desired(topology, v1::DESIRED_DELETED, actor_of(request),
                       [out, reply](const ports::HttpResponse& response) {
                         reply(response.status == 200 ? wire::json_response(out) : response);
                       });
  }
  purge_next(row->record.id(), std::move(spaces), std::move(out), std::move(reply));
}

// As many in a batch as fit; deleting raises the epoch and leaves a tombstone (P13).
void TopologyApi::purge_next(const std::string& topology, std::vector<std::string> spaces,
                             v1::TopologyActionReply out, ports::HttpReply reply) {
  if (spaces.empty()) return reply(wire::json_response(out));
  std::vector<std::string> now;
  while (!spaces.empty() && now.size() < purged_at_once) {
    now.push_back(std::move(spaces.back()));
    spaces.pop_back();
  }
  const auto bury = [topology,
                     now](const Records& records) -> stdx::Result<std::vector<RowChange>> {
    std::vector<RowChange> changes;
    const auto* row = records.topology(topology);
    for (const auto& name : now) {
      const auto* placed = records.space(topology, name);
      const int index = row == nullptr ? -1 : row->index().find(name);
      if (placed == nullptr || placed->record.tombstone() || index < 0 ||
          !row->spec().spaces[static_cast<std::size_t>(index)].removed)
        continue;
      auto next = placed->record;
      next.set_tombstone(true);
      next.set_epoch(next.epoch() + 1);
      changes.push_back(change_of(*placed, std::move(next)));
    }
    return changes;
  };
  const auto alive = std::weak_ptr<bool>(alive_);
  leader_.change(bury, [this, topology, spaces, out, reply, alive](stdx::Status done) {
    if (!done) return reply(wire::error_response(done.error()));
    if (alive.expired())
      return reply(wire::error_response({Code::unavailable, "this zrms is stopping"}));
    purge_next(topology, spaces, out, reply);
  });
}

}  // namespace zrms
