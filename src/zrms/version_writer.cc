// SPDX-License-Identifier: Apache-2.0
#include "zrms/version_writer.h"

#include "stdx/text.h"
#include "wire/states.h"
#include "zrms/named_topology.h"
#include "zrms/route_clash.h"

namespace zrms {

using stdx::Code;

void show_changes(const std::vector<model::SpaceChange>& changes,
                  google::protobuf::RepeatedPtrField<v1::SpaceChange>* out) {
  for (const auto& change : changes) {
    if (static_cast<std::size_t>(out->size()) >= changes_shown_max) return;
    auto* shown = out->Add();
    shown->set_kind(model::to_string(change.kind));
    shown->set_space(change.space);
    for (const auto& what : change.what) shown->add_what(what);
  }
}

// Code::conflict while another update goes on.
stdx::Result<NextVersion> VersionWriter::next_of(const Submission& submission,
                                                 const Records& records) {
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

// What is to become of one topology, worked out before its batch, whose task would be long else.
struct VersionWriter::Update {
  std::string topology;
  MakeNext make;
  Replicas replicas;
  std::string now;
  std::uint64_t kept = 0;  // the version whose text was kept
  std::uint64_t of = 0;    // the row that the rest follows from; another one needs it anew
  NextVersion next;
  TextPtr text;
  v1::SubmitReply reply;
};

stdx::Status VersionWriter::prepare(Update& update, const Records& records) {
  const auto* row = records.topology(update.topology);
  if (row == nullptr || row->record.desired() == v1::DESIRED_DELETED)
    return std::unexpected(no_topology(records, update.topology));
  TRY_ASSIGN(update.next, update.make(records, *row));
  update.of = row->version;
  update.text = nullptr;
  return {};
}

stdx::Result<std::vector<RowChange>> VersionWriter::rows_of(Update& update,
                                                            const Records& records) {
  const auto* row = records.topology(update.topology);
  // Written by somebody else since then: to replace it would leave a version that nobody kept.
  if (row != nullptr && row->spec().version != update.kept)
    return stdx::fail(Code::conflict,
                      stdx::format("topology '{}' has become version {} meanwhile: look what was "
                                   "done (`topo history {}`), then say it again",
                                   row->spec().name, row->spec().version, row->spec().name));
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
  show_changes(next.updated.changes, reply.mutable_changes());
  if (next.updated.changes.empty()) return std::vector<RowChange>();
  reply.set_version(next.updated.topology.version);
  auto record = next_record(*row, next, update.now);
  // One whose data was kept comes back with a submit.
  if (is_kept_data(row->spec()) && !is_kept_data(next.updated.topology)) {
    record.set_desired(v1::DESIRED_RUNNING);
    wire::set_state(record, wire::TopologyState::pending);
    record.mutable_update()->set_state(v1::UPDATE_ROLLING);
  }
  if (is_kept_data(next.updated.topology)) {
    record.set_desired(v1::DESIRED_STOPPED);
    record.mutable_update()->set_state(v1::UPDATE_DONE);
    record.mutable_update()->set_ended(update.now);
    record.set_reason("it was deleted; its data is kept until `topo purge`");
  }
  // Those of the former archives go on to be named: versions that are kept need them.
  if (!update.replicas.empty())
    record.mutable_blob_holders()->Assign(update.replicas.begin(), update.replicas.end());
  for (const auto& former : row->record.blob_holders())
    if (!update.replicas.empty() &&
        std::find(update.replicas.begin(), update.replicas.end(), former) == update.replicas.end())
      record.add_blob_holders(former);
  auto changes = drop_oldest(records, update.topology);
  changes.push_back(change_of(*row, std::move(record), update.text));
  changes.back().by = next.by;
  return changes;
}

// Two batches, as both rows may be large: the present version is kept first, which changes nothing
// by itself.
void VersionWriter::write(const std::string& topology, MakeNext make, const Replicas& replicas,
                          Submitted done) {
  auto update = std::make_shared<Update>();
  const auto keep = [topology,
                     update](const Records& records) -> stdx::Result<std::vector<RowChange>> {
    const auto* row = records.topology(topology);
    if (row == nullptr) return std::unexpected(no_topology(records, topology));
    update->kept = row->spec().version;
    return keep_present(records, *row);
  };
  update->topology = topology;
  update->make = std::move(make);
  update->replicas = replicas;
  update->now = stdx::format_rfc3339(runtime_.clock.wall());
  const auto write_rows = [this, update, done] {
    leader_.change([update](const Records& records) { return rows_of(*update, records); },
                   [update, done](stdx::Status written) {
                     if (written)
                       done(update->reply);
                     else
                       done(std::unexpected(written.error()));
                   });
  };
  const auto alive = std::weak_ptr<bool>(alive_);
  leader_.change(keep, [this, update, write_rows, done, alive](stdx::Status kept) {
    if (!kept) return done(std::unexpected(kept.error()));
    if (alive.expired()) return done(stdx::fail(Code::unavailable, "this zrms is stopping"));
    later([this, update, write_rows, done] {
      if (const auto made = prepare(*update, leader_.records()); !made)
        return done(std::unexpected(made.error()));
      later([update, write_rows] {
        update->text = text_of(update->next.updated.topology);
        write_rows();
      });
    });
  });
}

void VersionWriter::later(std::function<void()> what) {
  runtime_.executor.post([what = std::move(what), alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) what();
  });
}

}  // namespace zrms
