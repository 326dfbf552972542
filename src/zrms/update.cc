// SPDX-License-Identifier: Apache-2.0
// What operators do with versions of a topology: update, diff, history, rollback, restart, purge,
// and a deletion that keeps the data. The reconciler does the rest (roll_update.cc).
#include <algorithm>

#include "stdx/text.h"
#include "wire/json.h"
#include "wire/topology_codec.h"
#include "zrms/named_topology.h"
#include "zrms/route_clash.h"
#include "zrms/service.h"
#include "zrms/submission.h"

namespace zrms {

using stdx::Code;

namespace {

constexpr std::size_t changes_shown_max = 1000;
constexpr std::size_t purged_at_once = 500;

void show(const std::vector<model::SpaceChange>& changes,
          google::protobuf::RepeatedPtrField<v1::SpaceChange>* out) {
  for (const auto& change : changes) {
    if (static_cast<std::size_t>(out->size()) >= changes_shown_max) return;
    auto* shown = out->Add();
    shown->set_kind(model::to_string(change.kind));
    shown->set_space(change.space);
    for (const auto& what : change.what) shown->add_what(what);
  }
}

}  // namespace

void Service::wire_version_routes(const AtLeader& at_leader) {
  add_reader("/v1/topologies/{id}/history", [this](wire::RouteMatch match, ports::HttpReply reply) {
    show_history(match.parameters["id"], std::move(reply));
  });
  for (const auto& [pattern, rollback] :
       {std::pair{"/v1/topologies/{id}/rollback", true}, {"/v1/topologies/{id}/restart", false}})
    at_leader("POST", pattern,
              [this, rollback = rollback](wire::RouteMatch match, ports::HttpReply reply) {
                act(match.parameters["id"], match.request.body, rollback, std::move(reply));
              });
  at_leader("POST", "/v1/topologies/{id}/purge",
            [this](wire::RouteMatch match, ports::HttpReply reply) {
              purge(match.parameters["id"], match.request.body, std::move(reply));
            });
}

// Code::conflict while another update goes on.
stdx::Result<NextVersion> Service::next_of(const Submission& submission, const Records& records) {
  const auto& spec = submission.text->spec;
  const auto* row = records.by_name(spec.name);
  if (row == nullptr) return std::unexpected(no_topology(records, spec.name));
  const auto& update = row->record.update();
  if (update_goes_on(row->record))
    return stdx::fail(
        Code::conflict,
        stdx::format("topology '{}' is being brought from version {} to {}; wait until "
                     "that is done (`topo status {}`), or `topo rollback {}`",
                     row->spec().name, update.from(), update.to(), row->spec().name,
                     row->spec().name));
  NextVersion next;
  TRY_ASSIGN(next.updated, model::update(row->spec(), spec));
  next.mex_sha256 = submission.request.mex_sha256();
  next.what = "update";
  next.by = submission.request.submitted_by();
  return next;
}

stdx::Result<v1::SubmitReply> Service::dry_run(const Submission& submission) const {
  v1::SubmitReply reply;
  reply.set_name(submission.text->spec.name);
  if (!submission.request.update()) return reply;
  TRY_ASSIGN(const auto next, next_of(submission, leader_.records()));
  reply.set_version(next.updated.topology.version);
  show(next.updated.changes, reply.mutable_changes());
  return reply;
}

void Service::update_here(const SubmissionPtr& submission, const Holders& holders) {
  const auto* row = leader_.records().by_name(submission->text->spec.name);
  write_version(
      row->record.id(),
      [submission](const Records& records, const TopologyRow&) {
        return next_of(*submission, records);
      },
      holders, submission->done);
}

// What is to become of one topology, worked out before its batch, whose task would be long else.
struct Service::Update {
  std::string topology;
  MakeNext make;
  Holders holders;
  std::string now;
  std::uint64_t of = 0;  // the row that the rest follows from; another one needs it anew
  NextVersion next;
  TextPtr text;
  v1::SubmitReply reply;
};

stdx::Status Service::prepare(Update& update, const Records& records) {
  const auto* row = records.topology(update.topology);
  if (row == nullptr || row->record.desired() == v1::DESIRED_DELETED)
    return std::unexpected(no_topology(records, update.topology));
  TRY_ASSIGN(update.next, update.make(records, *row));
  update.of = row->version;
  update.text = nullptr;
  return {};
}

stdx::Result<std::vector<RowChange>> Service::rows_of(Update& update, const Records& records) {
  const auto* row = records.topology(update.topology);
  if (row == nullptr || row->version != update.of || !update.text) {
    TRY(prepare(update, records));
    update.text = text_of(update.next.updated.topology);
    row = records.topology(update.topology);
  }
  const auto& next = update.next;
  TRY(may_have_routes(records, next.updated.topology));
  auto& reply = update.reply;
  reply.Clear();
  reply.set_topology_id(update.topology);
  reply.set_name(row->spec().name);
  reply.set_state(row->record.state());
  reply.set_version(row->spec().version);
  show(next.updated.changes, reply.mutable_changes());
  if (next.updated.changes.empty()) return std::vector<RowChange>();
  reply.set_version(next.updated.topology.version);
  auto record = next_record(*row, next, update.now);
  // One whose data was kept comes back with a submit.
  if (is_kept_data(row->spec()) && !is_kept_data(next.updated.topology)) {
    record.set_desired(v1::DESIRED_RUNNING);
    record.set_state("pending");
    record.mutable_update()->set_state(v1::UPDATE_ROLLING);
  }
  if (is_kept_data(next.updated.topology)) {
    record.set_desired(v1::DESIRED_STOPPED);
    record.mutable_update()->set_state(v1::UPDATE_DONE);
    record.mutable_update()->set_ended(update.now);
    record.set_reason("it was deleted; its data is kept until `topo purge`");
  }
  if (!update.holders.empty())
    record.mutable_blob_holders()->Assign(update.holders.begin(), update.holders.end());
  auto changes = drop_oldest(records, update.topology);
  changes.push_back(change_of(*row, std::move(record), update.text));
  return changes;
}

// Two batches, as both rows may be large: the present version is kept first, which changes nothing
// by itself.
void Service::write_version(const std::string& topology, MakeNext make, const Holders& holders,
                            Submitted done) {
  const auto keep = [topology](const Records& records) -> stdx::Result<std::vector<RowChange>> {
    const auto* row = records.topology(topology);
    if (row == nullptr) return std::unexpected(no_topology(records, topology));
    return keep_present(records, *row);
  };
  auto update = std::make_shared<Update>();
  update->topology = topology;
  update->make = std::move(make);
  update->holders = holders;
  update->now = stdx::format_rfc3339(runtime_.clock.wall());
  const auto write = [this, update, done] {
    leader_.change([update](const Records& records) { return rows_of(*update, records); },
                   [update, done](stdx::Status written) {
                     if (written)
                       done(update->reply);
                     else
                       done(std::unexpected(written.error()));
                   });
  };
  const auto alive = std::weak_ptr<bool>(alive_);
  leader_.change(keep, [this, update, write, done, alive](stdx::Status kept) {
    if (!kept) return done(std::unexpected(kept.error()));
    if (alive.expired()) return done(stdx::fail(Code::unavailable, "this zrms is stopping"));
    later([this, update, write, done] {
      if (const auto made = prepare(*update, leader_.records()); !made)
        return done(std::unexpected(made.error()));
      later([update, write] {
        update->text = text_of(update->next.updated.topology);
        write();
      });
    });
  });
}

void Service::act(const std::string& id, const stdx::Bytes& body, bool rollback,
                  ports::HttpReply reply) {
  v1::TopologyAction asked;
  if (!body.empty())
    if (const auto read = wire::from_json(body, asked); !read)
      return reply(wire::error_response(read.error()));
  const auto* row = find_topology(id);
  if (row == nullptr) return reply(wire::error_response(no_topology(leader_.records(), id)));
  if (is_kept_data(row->spec())) return reply(wire::error_response(only_data(row->spec().name)));
  const auto make = [asked, rollback](const Records& records,
                                      const TopologyRow& now) -> stdx::Result<NextVersion> {
    if (!rollback) {
      NextVersion next;
      TRY_ASSIGN(next.updated,
                 model::restart(now.spec(), {asked.spaces().begin(), asked.spaces().end()}));
      next.mex_sha256 = now.record.mex_sha256();
      next.what = "restart";
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
    show(next->updated.changes, would.mutable_changes());
    return answer(would);
  }
  write_version(row->record.id(), make, {}, answer);
}

void Service::keep_data_only(const std::string& id, ports::HttpReply reply) {
  const auto* row = find_topology(id);
  if (row == nullptr) return reply(wire::error_response(no_topology(leader_.records(), id)));
  const auto make = [](const Records&, const TopologyRow& now) -> stdx::Result<NextVersion> {
    NextVersion next;
    auto nothing = now.spec();
    nothing.spaces.clear();
    nothing.paths.clear();
    TRY_ASSIGN(next.updated, model::update(now.spec(), nothing));
    next.what = "delete, data kept";
    return next;
  };
  write_version(row->record.id(), make, {}, [reply](stdx::Result<v1::SubmitReply> done) {
    reply(done ? wire::json_response(*done) : wire::error_response(done.error()));
  });
}

void Service::show_history(const std::string& id, ports::HttpReply reply) const {
  const auto* row = find_topology(id);
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

// --- purge ---

void Service::purge(const std::string& id, const stdx::Bytes& body, ports::HttpReply reply) {
  v1::TopologyAction asked;
  if (!body.empty())
    if (const auto read = wire::from_json(body, asked); !read)
      return reply(wire::error_response(read.error()));
  const auto* row = find_topology(id);
  if (row == nullptr) return reply(wire::error_response(no_topology(leader_.records(), id)));
  std::vector<std::string> spaces;
  for (const auto& space : row->spec().spaces) {
    const bool named =
        asked.spaces().empty() ||
        std::find(asked.spaces().begin(), asked.spaces().end(), space.name) != asked.spaces().end();
    const auto* placed = leader_.records().space(row->record.id(), space.name);
    if (named && space.removed && placed != nullptr && !placed->record.tombstone())
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
    return set_desired(topology, v1::DESIRED_DELETED,
                       [out, reply](const ports::HttpResponse& response) {
                         reply(response.status == 200 ? wire::json_response(out) : response);
                       });
  }
  purge_next(row->record.id(), std::move(spaces), std::move(out), std::move(reply));
}

// As many in a batch as fit; deleting raises the epoch and leaves a tombstone (P13).
void Service::purge_next(const std::string& topology, std::vector<std::string> spaces,
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
