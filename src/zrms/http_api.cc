// SPDX-License-Identifier: Apache-2.0
// The operator's side of zrms: topologies and the cluster. What only the leader knows is asked of
// the leader (zrms.http), so that every zhost's zrms answers the same.
#include <algorithm>

#include "stdx/encoding.h"
#include "stdx/near_miss.h"
#include "stdx/plant.h"
#include "stdx/text.h"
#include "wire/json.h"
#include "wire/topology_codec.h"
#include "zrms/cluster_copies.h"
#include "zrms/named_topology.h"
#include "zrms/service.h"
#include "zrms/versions.h"

namespace zrms {

using namespace std::chrono_literals;
using stdx::Code;

namespace {
// Of one answer: it fits a frame, and takes the leader no long task.
constexpr std::size_t topologies_shown_max = 1000;
constexpr std::size_t spaces_listed_max = 500;
constexpr std::size_t list_bytes_max = 256u << 10;
constexpr int placements_shown_max = 1000;
constexpr int refusals_shown_max = 1000;
constexpr std::size_t reason_shown_max = 1000;

std::string update_text(const v1::TopologyRecord& record) {
  const auto& update = record.update();
  switch (update.state()) {
    case v1::UPDATE_ROLLING:
      return stdx::format("update from version {} to {}", update.from(), update.to());
    case v1::UPDATE_ROLLING_BACK:
      return stdx::format("version {} failed ({}); going back to what version {} replaced",
                          update.from(), update.reason(), update.from());
    case v1::UPDATE_ROLLED_BACK:
      return stdx::format("version {} failed and was rolled back: {}", update.from(),
                          update.reason());
    case v1::UPDATE_DONE:
      return update.reason();
    default:
      return "";
  }
}

const char* update_state(const v1::TopologyRecord& record) {
  switch (record.update().state()) {
    case v1::UPDATE_ROLLING:
      return "rolling";
    case v1::UPDATE_ROLLING_BACK:
      return "rolling back";
    case v1::UPDATE_ROLLED_BACK:
      return "rolled back";
    case v1::UPDATE_DONE:
      return "done";
    default:
      return "";
  }
}

// After an update they are in the order of their indices.
std::vector<const model::Space*> in_order_of_names(const model::Topology& spec) {
  std::vector<const model::Space*> list;
  for (const auto& space : spec.spaces) list.push_back(&space);
  if (spec.version > 1)
    std::sort(list.begin(), list.end(),
              [](const auto* a, const auto* b) { return a->name < b->name; });
  return list;
}

}  // namespace

stdx::Error Service::not_leading() const {
  if (leads()) return {Code::unavailable, leader_.why_not_ready()};
  // Behind, or damaged: the text says what to do.
  if (control_plane_trouble_.starts_with("the records are "))
    return {Code::unavailable, "the cluster has no leader: " + control_plane_trouble_};
  if (!control_plane_trouble_.empty())
    return {Code::unavailable,
            stdx::format("the cluster has no leader: {}; bring the control plane back: until then "
                         "nothing is placed or judged, and what runs runs on",
                         control_plane_trouble_)};
  if (members_.leader().empty() || members_.leader() == options_.zhost)
    return {Code::unavailable, "the cluster has no leader yet; try again in a moment"};
  return {Code::unavailable,
          stdx::format("zhost {} leads the cluster, not {}; try again in a moment",
                       members_.leader(), options_.zhost)};
}

v1::HttpForward Service::forward_of(const ports::HttpRequest& request) {
  v1::HttpForward forward;
  forward.set_method(request.method);
  forward.set_path(request.path);
  for (const auto& [name, value] : request.query) {
    auto* pair = forward.add_query();
    pair->set_name(name);
    pair->set_value(value);
  }
  forward.set_body(request.body);
  if (const auto actor = request.headers.find(":actor"); actor != request.headers.end())
    forward.set_actor(actor->second);
  return forward;
}

bool Service::forwarded(const ports::HttpRequest& request, const ports::HttpReply& reply) {
  // What an earlier reign left here may be older than what others wrote since (S5).
  if (leads() && (leader_.ready() || PLANTED(S5_unread))) return false;
  // Who is named as the leader may have started anew, and know nothing of it.
  const bool behind = control_plane_trouble_.starts_with("the records are ");
  if (leads() || behind || members_.leader().empty() || members_.leader() == options_.zhost) {
    reply(wire::error_response(not_leading()));
    return true;
  }
  zmesh_.request(
      rpc::address(members_.leader(), "zrms"), "zrms.http", forward_of(request).SerializeAsString(),
      10s,
      rpc::expect<v1::HttpForwardReply>([reply, leader = members_.leader()](
                                            stdx::Result<v1::HttpForwardReply> answer) {
        // A zrms that does not lead any more says so in its answer: this one gave none.
        if (!answer)
          return reply(wire::error_response(
              {answer.error().code,
               stdx::format("zhost {}, which led the cluster, does not answer: {}; if it is gone "
                            "another one takes over within seconds: try again then",
                            leader, answer.error().message)}));
        ports::HttpResponse response;
        response.status = answer->status();
        response.content_type = answer->content_type();
        response.body = std::move(*answer->mutable_body());
        reply(std::move(response));
      }));
  return true;
}

// What an operator asks of the control plane itself.
template <typename Reply>
void Service::ask_records(const char* method, const google::protobuf::Message& request,
                          ports::HttpReply reply) {
  zmesh_.request(rpc::address("", "controlplane"), method, request.SerializeAsString(), 60s,
                 rpc::expect<Reply>([reply](stdx::Result<Reply> done) {
                   reply(done ? wire::json_response(*done) : wire::error_response(done.error()));
                 }));
}

void Service::wire_records_routes() {
  // Not the leader's: where the records are behind there is none (P15).
  router_.add("POST", "/v1/cluster/recover", [this](wire::RouteMatch, ports::HttpReply reply) {
    ask_records<v1::RecoverReply>("controlplane.recover", v1::RecoverRequest(), std::move(reply));
  });
  router_.add("POST", "/v1/cluster/backup", [this](wire::RouteMatch match, ports::HttpReply reply) {
    v1::BackupRequest request;
    request.set_path(match.request.query["path"]);
    ask_records<v1::BackupReply>("controlplane.backup", request, std::move(reply));
  });
  router_.add("POST", "/v1/cluster/restore",
              [this](wire::RouteMatch match, ports::HttpReply reply) {
                v1::RestoreRequest request;
                request.set_path(match.request.query["path"]);
                request.set_from(match.request.query["from"]);
                request.set_copy(match.request.query["copy"]);
                ask_records<v1::RestoreReply>("controlplane.restore", request, std::move(reply));
              });
  router_.add("GET", "/v1/cluster/copies",
              [this](wire::RouteMatch, ports::HttpReply reply) { list_copies(std::move(reply)); });
}

void Service::list_copies(ports::HttpReply reply) {
  std::vector<std::string> zhosts{options_.zhost};
  for (const auto& member : members_.peers())
    if (member.zhost_id() != options_.zhost) zhosts.push_back(member.zhost_id());
  ask_copies(zmesh_, options_.zhost, std::move(zhosts),
             [reply, detail = members_.copies_detail(),
              wall = runtime_.clock.wall()](v1::ClusterCopies copies) {
               copies.set_detail(detail);
               for (auto& zhost : *copies.mutable_zhosts())
                 for (auto& copy : *zhost.mutable_copies()) {
                   const stdx::WallTime made{std::chrono::seconds(copy.made())};
                   copy.set_made_at(stdx::format_rfc3339(made));
                   const auto age = std::chrono::floor<std::chrono::seconds>(wall - made).count();
                   copy.set_age_seconds(static_cast<std::uint64_t>(std::max<std::int64_t>(age, 0)));
                 }
               reply(wire::json_response(copies));
             });
}

void Service::wire_routes() {
  const auto at_leader = [this](std::string_view method, std::string_view pattern,
                                std::function<void(wire::RouteMatch, ports::HttpReply)> handler) {
    router_.add(
        method, pattern,
        [this, handler = std::move(handler)](wire::RouteMatch match, ports::HttpReply reply) {
          if (!forwarded(match.request, reply)) handler(std::move(match), std::move(reply));
        });
  };
  router_.add("POST", "/v1/topologies", [this](wire::RouteMatch match, ports::HttpReply reply) {
    submit(std::move(match.request.body), update_asked(match.request), std::move(reply));
  });
  router_.add("POST", "/v1/blobs", [this](wire::RouteMatch match, ports::HttpReply reply) {
    store_archive(std::move(match.request.body), std::move(reply));
  });
  router_.add(
      "POST", "/v1/topologies/standalone", [this](wire::RouteMatch match, ports::HttpReply reply) {
        submit_standalone(match.request.body, update_asked(match.request), std::move(reply));
      });
  add_reader("/v1/topologies", [this](wire::RouteMatch match, ports::HttpReply reply) {
    auto& query = match.request.query;
    const auto limit = stdx::parse_u64(query["limit"]).value_or(topologies_shown_max);
    reply(wire::json_response(list_topologies(
        query["summary"] == "1", query["after"],
        std::min<std::uint64_t>(std::max<std::uint64_t>(limit, 1), topologies_shown_max))));
  });
  add_reader("/v1/topologies/{id}", [this](wire::RouteMatch match, ports::HttpReply reply) {
    const auto* row = find_topology(match.parameters["id"]);
    if (row == nullptr)
      return reply(wire::error_response(no_topology(leader_.records(), match.parameters["id"])));
    auto& query = match.request.query;
    reply(wire::json_response(view_of(*row, query["summary"] == "1", query["after"])));
  });
  for (const auto& [pattern, desired] : {std::pair{"/v1/topologies/{id}/stop", v1::DESIRED_STOPPED},
                                         {"/v1/topologies/{id}/start", v1::DESIRED_RUNNING}})
    at_leader("POST", pattern,
              [this, desired = desired](wire::RouteMatch match, ports::HttpReply r) {
                set_desired(match.parameters["id"], desired, std::move(r));
              });
  at_leader("DELETE", "/v1/topologies/{id}",
            [this](wire::RouteMatch match, ports::HttpReply reply) {
              if (match.request.query["keep_data"] == "1")
                return keep_data_only(match.parameters["id"], std::move(reply));
              set_desired(match.parameters["id"], v1::DESIRED_DELETED, std::move(reply));
            });
  wire_version_routes(at_leader);
  wire_explain_routes();
  at_leader("GET", "/v1/cluster", [this](wire::RouteMatch, ports::HttpReply reply) {
    reply(wire::json_response(cluster_view()));
  });
  at_leader("GET", "/v1/cluster/zhosts", [this](wire::RouteMatch, ports::HttpReply reply) {
    reply(wire::json_response(zhosts_view()));
  });
  at_leader("POST", "/v1/cluster/zhosts/{id}/forget",
            [this](wire::RouteMatch match, ports::HttpReply reply) {
              forget_zhost(match.parameters["id"], std::move(reply));
            });
  wire_records_routes();
  wire_tokens();
  router_.add("GET", "/v1/status", [this](wire::RouteMatch, ports::HttpReply reply) {
    reply(wire::json_response(status_view()));
  });
  router_.add("GET", "/healthz", [this](wire::RouteMatch, ports::HttpReply reply) {
    if (zmesh_.connected() && startz_.connected())
      return reply(wire::json_response(R"({"status":"ok"})"));
    reply(wire::error_response({Code::unavailable, zmesh_.connected()
                                                       ? "startz is away; start the zhost again"
                                                       : "zmesh is away; startz starts it again"}));
  });
}

void Service::forget_zhost(const std::string& zhost, ports::HttpReply reply) {
  const auto member = std::find_if(members_.peers().begin(), members_.peers().end(),
                                   [&](const v1::Member& m) { return m.zhost_id() == zhost; });
  const auto name = stdx::printable(zhost, 80);
  if (member == members_.peers().end()) {
    stdx::NearMiss miss(zhost);
    for (const auto& other : members_.peers()) miss.consider(other.zhost_id());
    return reply(wire::error_response(
        {Code::not_found, stdx::format("there is no zhost '{}'; `cluster zhosts` lists them{}",
                                       name, miss.hint())}));
  }
  if (cluster_.life(zhost) != ClusterManager::Life::dead)
    return reply(wire::error_response(
        {Code::conflict, stdx::format("zhost '{}' is not unavailable; stop it first, only a zhost "
                                      "that is found dead can be forgotten",
                                      name)}));
  v1::ForgetRequest request;
  request.set_term(lease_.term());
  request.set_zhost_id(zhost);
  request.set_incarnation(member->incarnation());
  zmesh_.request(
      rpc::address("", "controlplane"), "controlplane.forget", request.SerializeAsString(), 5s,
      rpc::expect<v1::ForgetReply>([reply](stdx::Result<v1::ForgetReply> done) {
        reply(done ? wire::json_response(std::string("{}")) : wire::error_response(done.error()));
      }));
}

const TopologyRow* Service::find_topology(const std::string& asked) const {
  return named_topology(leader_.records(), asked);
}

void Service::set_desired(const std::string& id, v1::Desired desired, ports::HttpReply reply) {
  if (!leader_.ready())
    return reply(wire::error_response({Code::unavailable, leader_.why_not_ready()}));
  const auto none = stdx::fail(
      Code::not_found, stdx::format("there is no topology '{}' any more; `topo` lists those "
                                    "that there are",
                                    stdx::printable(id, 80)));
  const auto* found = find_topology(id);
  if (found == nullptr) return reply(wire::error_response(no_topology(leader_.records(), id)));
  // A name may be given to another topology meanwhile: what was asked about is this one.
  const auto asked = found->record.id();
  const auto write = [asked, desired, none, updated = stdx::format_rfc3339(runtime_.clock.wall())](
                         const Records& records) -> stdx::Result<std::vector<RowChange>> {
    const auto* row = records.topology(asked);
    if (row == nullptr || row->record.desired() == v1::DESIRED_DELETED) return none;
    if (row->record.desired() == desired) return std::vector<RowChange>();
    auto next = row->record;
    next.set_desired(desired);
    next.set_updated(updated);
    if (desired == v1::DESIRED_RUNNING && next.state() == "stopped") {
      if (is_kept_data(row->spec())) return std::unexpected(only_data(row->spec().name));
      next.set_state("pending");
    }
    return std::vector{change_of(*row, std::move(next))};
  };
  leader_.change(
      write, [this, asked, reply, alive = std::weak_ptr<bool>(alive_)](stdx::Status done) {
        if (!done) return reply(wire::error_response(done.error()));
        if (alive.expired())
          return reply(wire::error_response({Code::unavailable, "this zrms is stopping"}));
        const auto* changed = leader_.records().topology(asked);
        if (changed == nullptr) return reply(wire::json_response(v1::TopologyView()));
        const bool large = changed->spec().spaces.size() > spaces_listed_max;
        reply(wire::json_response(view_of(*changed, large, "")));
      });
}

// --- views ---

v1::TopologyView Service::view_of(const TopologyRow& row, bool summary,
                                  const std::string& after) const {
  const auto& record = row.record;
  v1::TopologyView view;
  view.set_id(record.id());
  view.set_name(row.spec().name);
  view.set_owner(row.spec().owner);
  view.set_state(record.state());
  view.set_reason(record.reason());
  view.set_spaces(static_cast<std::uint32_t>(
      std::count_if(row.spec().spaces.begin(), row.spec().spaces.end(),
                    [](const model::Space& space) { return !space.removed; })));
  view.set_version(row.spec().version);
  view.set_mex_version(mex_version_of(row.spec()));
  view.set_update(update_text(record));
  view.set_update_state(update_state(record));
  view.set_created(record.created());
  view.set_updated(record.updated());
  view.set_mex_sha256(record.mex_sha256());
  *view.mutable_blob_holders() = record.blob_holders();
  std::map<std::string, std::uint32_t> states;
  v1::PlacementView counted;
  for (const auto* listed : in_order_of_names(row.spec())) {
    const auto& space = *listed;
    if (!after.empty() && space.name <= after) continue;
    if (space.removed && leader_.records().space(record.id(), space.name) == nullptr) continue;
    if (view.placements_size() == placements_shown_max) {
      view.set_next(view.placements(view.placements_size() - 1).space());
      break;
    }
    auto& placement = summary ? counted : *view.add_placements();
    placement.Clear();
    show_placement(row, space, placement);
    if (summary) {
      ++states[placement.state()];
      continue;
    }
    const auto refused = leader_.refusals().find({record.id(), space.name});
    if (refused == leader_.refusals().end()) continue;
    for (const auto& line : refused->second)
      if (view.refusals_size() < refusals_shown_max) view.add_refusals(space.name + ": " + line);
  }
  for (const auto& [state, spaces] : states) {
    auto* count = view.add_states();
    count->set_state(state);
    count->set_spaces(spaces);
  }
  return view;
}

void Service::show_placement(const TopologyRow& row, const model::Space& space,
                             v1::PlacementView& view) const {
  const auto& record = row.record;
  view.set_space(space.name);
  view.set_type(std::string(model::to_string(space.type)));
  view.set_state("pending");
  view.set_mex_sha256(space.mex_sha256);
  const auto* placed = leader_.records().space(record.id(), space.name);
  if (placed == nullptr) return;
  view.set_zhost(placed->record.zhost());
  view.set_state(placed->record.state());
  view.set_reason(placed->record.reason());
  view.set_epoch(placed->record.epoch());
  view.set_mex_version(space.mex_version);
  view.set_version(placed->record.version());
  view.set_restarts(placed->record.restarts());
  view.set_last_failure(placed->record.last_failure());
  view.set_last_failure_at(placed->record.last_failure_at());
  view.set_last_failure_version(placed->record.last_failure_version());
  view.set_has_data(placed->record.has_data());
  const auto* zhost = cluster_.find(placed->record.zhost());
  // What waits for its data says for whom; the last words of that zhost say nothing.
  if (zhost != nullptr && record.desired() == v1::DESIRED_RUNNING &&
      placed->record.state() != "waiting") {
    const auto seen = zhost->spaces.find({record.id(), space.name});
    if (zhost->life == ClusterManager::Life::dead) {
      view.set_state("lost");
    } else if (seen != zhost->spaces.end() && seen->second.epoch() == placed->record.epoch()) {
      view.set_state(seen->second.state());
      view.set_restarts(view.restarts() + seen->second.restarts());
      if (!seen->second.last_failure().empty()) {
        view.set_last_failure(seen->second.last_failure());
        view.clear_last_failure_at();
        view.set_last_failure_version(placed->record.version());
      }
      if (!seen->second.detail().empty()) view.set_reason(seen->second.detail());
    }
  }
  view.set_reason(stdx::shortened(view.reason(), reason_shown_max));
}

// A list goes in one frame where another zhost leads: it ends once it is large, and says where to
// go on. Placements of a large topology are shown by it alone.
v1::TopologyList Service::list_topologies(bool summary, const std::string& after,
                                          std::size_t limit) const {
  v1::TopologyList list;
  const auto& rows = leader_.records().topologies();
  std::size_t bytes = 0;
  for (auto at = rows.upper_bound(after); at != rows.end(); ++at) {
    const auto& row = at->second;
    if (row.record.desired() == v1::DESIRED_DELETED) continue;
    if (list.topologies_size() > 0 &&
        (bytes > list_bytes_max || static_cast<std::size_t>(list.topologies_size()) >= limit)) {
      list.set_next(list.topologies(list.topologies_size() - 1).id());
      break;
    }
    const bool large = row.spec().spaces.size() > spaces_listed_max;
    auto& view = *list.add_topologies();
    view = view_of(row, summary || large, "");
    bytes += view.ByteSizeLong();
  }
  return list;
}

v1::ClusterReply Service::cluster_view() const {
  v1::ClusterReply view;
  view.set_leader(options_.zhost);
  view.set_term(lease_.term());
  view.set_control_plane(control_plane_trouble_.empty() ? "connected" : control_plane_trouble_);
  *view.mutable_supers() = members_.supers();
  view.set_zhosts(static_cast<std::uint32_t>(members_.peers_size()));
  std::uint32_t alive = 0;
  for (const auto& member : members_.peers())
    alive += cluster_.life(member.zhost_id()) == ClusterManager::Life::alive &&
             cluster_.heard(member.zhost_id());
  view.set_zhosts_alive(alive);
  std::uint32_t topologies = 0, running = 0;
  for (const auto& [id, row] : leader_.records().topologies()) {
    if (row.record.desired() == v1::DESIRED_DELETED) continue;
    ++topologies;
    running += row.record.state() == "running";
  }
  view.set_topologies(topologies);
  view.set_topologies_running(running);
  std::uint32_t spaces = 0, spaces_running = 0;
  for (const auto& [key, row] : leader_.records().spaces()) {
    if (row.record.tombstone()) continue;
    ++spaces;
    spaces_running += row.record.state() == "running";
  }
  view.set_spaces(spaces);
  view.set_spaces_running(spaces_running);
  view.set_copies_detail(members_.copies_detail());
  if (cluster_.braking(runtime_.clock.now()))
    view.set_detail(
        "brake: more than half of the zhosts look dead; nobody is evicted while that lasts");
  return view;
}

v1::ZhostsReply Service::zhosts_view() const {
  v1::ZhostsReply reply;
  for (const auto& member : members_.peers()) {
    auto* view = reply.add_zhosts();
    view->set_zhost_id(member.zhost_id());
    view->set_region(member.region());
    view->set_incarnation(member.incarnation());
    view->set_cpu_cores(member.cpu_cores());
    const bool super = std::find(members_.supers().begin(), members_.supers().end(),
                                 member.zhost_id()) != members_.supers().end();
    view->set_mode(member.zhost_id() == options_.zhost ? "leader" : super ? "standby" : "local");
    const auto* zhost = cluster_.find(member.zhost_id());
    view->set_state("unknown");
    if (zhost == nullptr) continue;
    switch (zhost->life) {
      case ClusterManager::Life::unknown:
        break;
      case ClusterManager::Life::alive:
        view->set_state(zhost->heard ? "alive" : "unknown");
        break;
      case ClusterManager::Life::suspect:
        view->set_state("suspect");
        break;
      case ClusterManager::Life::dead:
        view->set_state("unavailable");
        break;  // R-DEC-6
    }
    view->set_spaces(static_cast<std::uint32_t>(zhost->spaces.size()));
    view->set_cpu_used(zhost->report.cpu_used());
    view->set_memory_used_bytes(zhost->report.memory_used_bytes());
    view->set_memory_total_bytes(zhost->report.memory_total_bytes());
    view->set_heard_ms_ago(stdx::to_ms(runtime_.clock.now() - zhost->last_heartbeat));
    std::string detail;
    for (const auto& [name, state] : zhost->children)
      if (state != v1::CHILD_UP) detail += (detail.empty() ? "" : ", ") + name + " is not up";
    view->set_detail(detail);
  }
  return reply;
}

v1::ServiceStatus Service::status_view() const {
  v1::ServiceStatus view;
  view.set_service("zrms");
  view.set_zhost(options_.zhost);
  view.set_mode(is_super() ? "super" : "local");
  view.set_status(zmesh_.connected() ? "connected" : "error");
  view.set_leader(members_.leader());
  view.set_term(members_.term());
  view.set_control_plane(control_plane_trouble_.empty() ? "connected" : control_plane_trouble_);
  if (leads()) {
    const auto cluster = cluster_view();
    view.set_topologies(stdx::format("{}/{}", cluster.topologies_running(), cluster.topologies()));
    view.set_spaces(cluster.spaces_running());
    if (const auto& rows = leader_.records().unreadable(); !rows.empty())
      view.set_detail(stdx::format(
          "{} rows of the control plane's database cannot be read, the first is {}; restore it "
          "from a copy",
          rows.size(), *rows.begin()));
  }
  view.set_copies_detail(members_.copies_detail());
  view.set_version(options_.version);
  view.set_away(away_.sentence());
  view.set_uptime_ms(static_cast<std::uint64_t>(stdx::to_ms(runtime_.clock.now() - started_)));
  return view;
}

}  // namespace zrms
