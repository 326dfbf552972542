// SPDX-License-Identifier: Apache-2.0
#include "zrms/versions_api.h"

#include <utility>

#include "samoza/v1/api.pb.h"
#include "stdx/text.h"
#include "wire/json.h"
#include "zrms/named_topology.h"

namespace zrms {

using stdx::Code;

VersionsApi::VersionsApi(Leader& leader, LeaderRoutes& routes, VersionWriter& writer)
    : leader_(leader), writer_(writer) {
  routes.add_reader("/v1/topologies/{id}/history",
                    [this](wire::RouteMatch match, ports::HttpReply reply) {
                      show_history(match.parameters["id"], std::move(reply));
                    });
  for (const auto& [pattern, action] : {std::pair{"/v1/topologies/{id}/rollback", Action::rollback},
                                        {"/v1/topologies/{id}/restart", Action::restart}})
    routes.add_at_leader("POST", pattern,
                         [this, action = action](wire::RouteMatch match, ports::HttpReply reply) {
                           act(match.parameters["id"], match.request, action, std::move(reply));
                         });
}

void VersionsApi::act(const std::string& id, const ports::HttpRequest& request, Action action,
                      ports::HttpReply reply) {
  const auto action_read = topology_action(request);
  if (!action_read) return reply(wire::error_response(action_read.error()));
  const auto& asked = *action_read;
  const auto* row = named_topology(leader_.records(), id);
  if (row == nullptr) return reply(wire::error_response(no_topology(leader_.records(), id)));
  if (is_kept_data(row->spec())) return reply(wire::error_response(only_data(row->spec().name)));
  const auto make = [asked, action, by = actor_of(request)](
                        const Records& records,
                        const TopologyRow& now) -> stdx::Result<NextVersion> {
    if (action == Action::restart) {
      // What it judges by would be of another version: nothing that failed would go back.
      if (const auto& update = now.record.update(); update_goes_on(now.record))
        return stdx::fail(
            Code::conflict,
            stdx::format("topology '{}' is being brought from version {} to {}; wait until that "
                         "is done (`topo status {}`), then restart it",
                         now.spec().name, update.from(), update.to(), now.spec().name));
      NextVersion next;
      TRY_ASSIGN(next.updated,
                 model::restart(now.spec(), {asked.spaces().begin(), asked.spaces().end()}));
      next.mex_sha256 = now.record.mex_sha256();
      next.what = "restart";
      next.by = by;
      return next;
    }
    // The one before: what the last update replaced.
    const auto& kept = records.versions(now.record.id());
    auto to = asked.to();
    for (auto at = kept.rbegin(); to == 0 && at != kept.rend(); ++at)
      if (at->first < now.spec().version) to = at->first;
    if (to == 0)
      return stdx::fail(Code::not_found,
                        stdx::format("topology '{}' has had no other version", now.spec().name));
    TRY_ASSIGN(auto next, back_to(records, now, to));
    next.what = stdx::format("rollback to version {}", to);
    next.by = by;
    return next;
  };
  const auto answer = [reply](stdx::Result<v1::SubmitReply> done) {
    if (!done) return reply(wire::error_response(done.error()));
    v1::TopologyActionReply out;
    out.set_version(done->version());
    *out.mutable_changes() = done->changes();
    reply(wire::json_response(out));
  };
  if (asked.dry_run()) {
    const auto next = make(leader_.records(), *row);
    if (!next) return answer(std::unexpected(next.error()));
    v1::SubmitReply would;
    would.set_version(next->updated.topology.version);
    show_changes(next->updated.changes, would.mutable_changes());
    return answer(would);
  }
  writer_.write(row->record.id(), make, {}, answer);
}

void VersionsApi::show_history(const std::string& id, ports::HttpReply reply) const {
  const auto* row = named_topology(leader_.records(), id);
  if (row == nullptr) return reply(wire::error_response(no_topology(leader_.records(), id)));
  v1::TopologyHistory history;
  history.set_version(row->spec().version);
  *history.mutable_versions() = row->record.history();
  if (history.versions_size() == 0)
    *history.add_versions() =
        summary_of(row->spec(), row->record.mex_sha256(), row->record.created(), "submit", "");
  const auto& kept = leader_.records().versions(row->record.id());
  for (auto& version : *history.mutable_versions())
    version.set_kept(version.version() == row->spec().version || kept.contains(version.version()));
  reply(wire::json_response(history));
}

}  // namespace zrms
