// SPDX-License-Identifier: Apache-2.0
// What the control plane answers: the methods of zrms, and HTTP.
#include <algorithm>

#include "controlplane/copy_fetch.h"
#include "controlplane/service.h"
#include "stdx/text.h"
#include "wire/frame.h"
#include "wire/json.h"

namespace controlplane {
namespace {

using stdx::Code;

v1::TermRow to_wire(const ports::TermRow& row) {
  v1::TermRow out;
  out.set_term(row.term);
  out.set_holder(row.holder);
  out.set_version(row.version);
  return out;
}

std::vector<ports::RecordChange> changes_of(v1::CommitRequest& request) {
  std::vector<ports::RecordChange> changes;
  for (auto& change : *request.mutable_changes()) {
    ports::RecordChange out{change.kind(), change.key(), change.expected_version(), {}};
    if (!change.remove()) out.value = std::move(*change.mutable_value());
    changes.push_back(std::move(out));
  }
  return changes;
}

// With one more value it must still fit a frame.
constexpr std::size_t page_bytes_max = 512u << 10;
static_assert(page_bytes_max + ports::Store::value_bytes_max < ports::Link::frame_bytes_max);

v1::RecordsReply page_of(ports::Store::Snapshot snapshot) {
  v1::RecordsReply reply;
  reply.set_more(snapshot.more);
  reply.set_whole(snapshot.whole);
  reply.set_revision(snapshot.revision);
  *reply.mutable_term() = to_wire(snapshot.term);
  for (auto& record : snapshot.records) {
    auto* out = reply.add_records();
    out->set_kind(record.kind);
    out->set_key(record.key);
    out->set_version(record.version);
    out->set_value(std::move(record.value));
  }
  for (auto& [kind, key] : snapshot.deleted) {
    auto* out = reply.add_deleted();
    out->set_kind(kind);
    out->set_key(key);
  }
  return reply;
}

}  // namespace

void Service::wire_methods() {
  wire_operators();
  wire_members();
  endpoint_.on("controlplane.read_term",
               rpc::typed<v1::ReadTermRequest, v1::TermRow>(
                   [this](const rpc::Caller&, v1::ReadTermRequest, auto done) {
                     if (store_damaged_) return done(stdx::fail(Code::unavailable, store_trouble_));
                     if (const auto may = gate_.may_read_term(); !may)
                       return done(std::unexpected(may.error()));
                     store_.read_term([done](stdx::Result<ports::TermRow> row) {
                       if (!row) return done(std::unexpected(row.error()));
                       done(to_wire(*row));
                     });
                   }));
  on_of_super<v1::CasTermRequest, v1::TermRow>(
      "controlplane.cas_term", [this](const rpc::Caller& caller, v1::CasTermRequest r, auto done) {
        const auto zhost = caller.from.zhost();
        with_current_records(r.known(), [this, zhost, r, done](stdx::Status read) {
          if (!read) return done(std::unexpected(read.error()));
          take_term(zhost, r, done);
        });
      });
  on_of_super<v1::CommitRequest, v1::CommitReply>(
      "controlplane.commit", [this](const rpc::Caller& caller, v1::CommitRequest r, auto done) {
        const auto zhost = caller.from.zhost();
        auto request = std::make_shared<v1::CommitRequest>(std::move(r));
        with_current_records(request->known(), [this, zhost, request, done](stdx::Status read) {
          if (!read) return done(std::unexpected(read.error()));
          commit(zhost, *request, done);
        });
      });
  endpoint_.on("controlplane.read_since",
               rpc::typed<v1::ReadSinceRequest, v1::RecordsReply>(
                   [this](const rpc::Caller&, v1::ReadSinceRequest request, auto done) {
                     ports::Store::Page page{.revision = request.revision(),
                                             .after = std::nullopt,
                                             .bytes_max = page_bytes_max};
                     if (request.has_after())
                       page.after = {request.after().kind(), request.after().key()};
                     store_.read_page(std::move(page),
                                      [done](stdx::Result<ports::Store::Snapshot> snapshot) {
                                        if (!snapshot)
                                          return done(std::unexpected(snapshot.error()));
                                        done(page_of(std::move(*snapshot)));
                                      });
                   }));
}

void Service::wire_members() {
  endpoint_.on("controlplane.register",
               rpc::typed<v1::RegisterRequest, v1::RegisterReply>(
                   [this](const rpc::Caller& caller, v1::RegisterRequest request, auto done) {
                     if (request.member().zhost_id() != caller.from.zhost())
                       return done(stdx::fail(
                           Code::denied, "a link registers the zhost of its certificate alone"));
                     const auto link = by_zhost_.find(caller.from.zhost());
                     if (link == by_zhost_.end())
                       return done(stdx::fail(Code::unavailable, "its link is gone"));
                     const auto& who = connections_.at(link->second).link->identity();
                     register_member(std::move(request), {who, 0}, register_tries, std::move(done));
                   }));
  endpoint_.on("controlplane.members",
               rpc::typed<v1::MembersRequest, v1::MembersChanged>(
                   [this](const rpc::Caller&, v1::MembersRequest, auto done) {
                     if (!gate_.is_open())
                       return done(stdx::fail(Code::unavailable, gate_.detail()));
                     auto now = member_news_.answer(state());
                     *now.mutable_records() = gate_.known();
                     done(std::move(now));
                   }));
  on_of_super<v1::ForgetRequest, v1::ForgetReply>(
      "controlplane.forget", [this](const rpc::Caller&, v1::ForgetRequest request, auto done) {
        forget_member(std::move(request), std::move(done));
      });
  on_of_super<v1::MarkRequest, v1::MarkReply>(
      "controlplane.mark", [this](const rpc::Caller&, const v1::MarkRequest& r, auto done) {
        mark_member(r, std::move(done));
      });
}

stdx::Status Service::may_lead(const std::string& zhost) const {
  if (!authority_.is_local(zhost)) return {};
  return stdx::fail(Code::denied,
                    stdx::format("zhost '{}' joined with a token of role `local`, so it never "
                                 "leads the cluster and lets no zhost in; ask at another zhost",
                                 zhost));
}

// What an operator asks for, through the zrms of any zhost that may lead: each of these decides
// what the records are.
void Service::wire_operators() {
  on_of_super<v1::RecoverRequest, v1::RecoverReply>(
      "controlplane.recover", [this](const rpc::Caller&, const v1::RecoverRequest&, auto done) {
        recover(std::move(done));
      });
  on_of_super<v1::BackupRequest, v1::BackupReply>(
      "controlplane.backup", [this](const rpc::Caller&, v1::BackupRequest request, auto done) {
        back_up(request, std::move(done));
      });
  on_of_super<v1::RestoreRequest, v1::RestoreReply>(
      "controlplane.restore", [this](const rpc::Caller&, v1::RestoreRequest request, auto done) {
        restore(request, std::move(done));
      });
}

void Service::wire_routes() {
  router_.add("POST", "/v1/register", [this](wire::RouteMatch match, ports::HttpReply reply) {
    register_over_http(match.request, std::move(reply));
  });
  router_.add("POST", "/v1/certificates", [this](wire::RouteMatch match, ports::HttpReply reply) {
    certify_over_http(match.request, std::move(reply));
  });
  router_.add("GET", "/healthz", [this](wire::RouteMatch, ports::HttpReply reply) {
    if (const auto& trouble = store_trouble(); !trouble.empty())
      return reply(wire::error_response({Code::unavailable, "store: " + trouble}));
    if (gate_.phase() == RecordsGuard::Phase::behind)
      return reply(wire::error_response({Code::unavailable, gate_.detail()}));
    reply(wire::json_response(R"({"status":"ok"})"));
  });
  router_.add("GET", "/v1/members", [this](wire::RouteMatch, ports::HttpReply reply) {
    reply(wire::json_response(state()));
  });
  router_.add("GET", "/v1/status", [this](wire::RouteMatch, ports::HttpReply reply) {
    v1::ControlPlaneStatus status;
    status.set_version(options_.version);
    status.set_store(options_.store_name);
    status.set_store_trouble(store_trouble());
    status.set_control_plane(options_.store_name == "postgres" ? "replicated" : "single");
    status.set_members(static_cast<std::uint32_t>(membership_.members().size()));
    status.set_links(static_cast<std::uint32_t>(by_zhost_.size()));
    const auto now = state();
    *status.mutable_supers() = now.supers();
    status.set_leader(now.leader());
    status.set_term(now.term());
    status.set_records(to_string(gate_.phase()));
    status.set_records_detail(gate_.detail());
    status.set_lineage(gate_.known().lineage());
    status.set_counter(gate_.known().counter());
    status.set_copies_detail(copier_.detail());
    status.set_newest_copy(copier_.newest());
    reply(wire::json_response(status));
  });
}

// A write was refused by the database itself, say because the disk is full: nothing was changed,
// and it works again by itself once there is room.
stdx::Error Service::wrote(stdx::Error error) {
  if (error.code != Code::full && error.code != Code::failed && error.code != Code::unavailable)
    return error;
  if (write_trouble_ != error.message)
    runtime_.log.error("records_not_written", {{"why", error.message}});
  write_trouble_ = error.message;
  return {Code::unavailable, "the records cannot be written: " + error.message};
}

void Service::wrote() {
  if (!write_trouble_.empty()) runtime_.log.info("records_written_again", {});
  write_trouble_.clear();
}

// Both name files on this machine; nothing but an absolute path says which.
void Service::back_up(const v1::BackupRequest& request,
                      std::function<void(stdx::Result<v1::BackupReply>)> done) {
  auto path = request.path();
  if (path.empty() && !options_.copies_folder.empty())
    path = stdx::format("{}/records-{}.db", options_.copies_folder, gate_.known().counter());
  if (!path.starts_with('/'))
    return done(stdx::fail(Code::invalid, stdx::format("'{}' is not an absolute path on the "
                                                       "machine of the control plane",
                                                       stdx::printable(path, 200))));
  store_.backup(path, [this, path, counter = gate_.known().counter(),
                       done](stdx::Result<std::uint64_t> bytes) {
    if (!bytes) return done(std::unexpected(bytes.error()));
    runtime_.log.info("records_copied", {{"file", path}, {"bytes", *bytes}, {"counter", counter}});
    v1::BackupReply reply;
    reply.set_path(path);
    reply.set_bytes(*bytes);
    reply.set_counter(counter);
    done(std::move(reply));
  });
}

void Service::restore(const v1::RestoreRequest& request,
                      std::function<void(stdx::Result<v1::RestoreReply>)> done) {
  if (!request.from().empty()) return restore_from(request, std::move(done));
  if (!request.path().starts_with('/'))
    return done(stdx::fail(Code::invalid, stdx::format("'{}' is not an absolute path on the "
                                                       "machine of the control plane",
                                                       stdx::printable(request.path(), 200))));
  store_.restore(request.path(),
                 [this, path = request.path(), done](stdx::Result<std::string> kept) {
                   if (!kept) return done(std::unexpected(kept.error()));
                   runtime_.log.warn("records_restored", {{"file", path}, {"former", *kept}});
                   v1::RestoreReply reply;
                   reply.set_former(*kept);
                   done(std::move(reply));
                   if (options_.start_anew) options_.start_anew();
                 });
}

void Service::restore_from(const v1::RestoreRequest& request,
                           std::function<void(stdx::Result<v1::RestoreReply>)> done) {
  const auto from = request.from();
  if (!by_zhost_.contains(from))
    return done(stdx::fail(
        Code::unavailable,
        stdx::format("zhost '{}' is not linked to the control plane; start it, or restore from "
                     "another one (`cluster copies`)",
                     stdx::printable(from, 80))));
  fetch_copy(
      endpoint_, from, request.copy(), [this, from, done](stdx::Result<FetchedCopy> fetched) {
        if (!fetched) return done(std::unexpected(fetched.error()));
        v1::RestoreReply reply;
        reply.set_counter(fetched->info.counter());
        reply.set_made(
            stdx::format_rfc3339(stdx::WallTime(std::chrono::seconds(fetched->info.made()))));
        store_.restore_copy(std::move(fetched->copy), [this, from, reply, done](
                                                          stdx::Result<std::string> kept) mutable {
          if (!kept) return done(std::unexpected(kept.error()));
          runtime_.log.warn("records_restored",
                            {{"from", from}, {"counter", reply.counter()}, {"former", *kept}});
          reply.set_former(*kept);
          done(std::move(reply));
          if (options_.start_anew) options_.start_anew();
        });
      });
}

void Service::recover(Recoverer::Done done) {
  const auto zhosts = linked_zhosts();
  recoverer_.run({zhosts.begin(), zhosts.end()},
                 [this, done](stdx::Result<v1::RecoverReply> reply) {
                   if (!reply) return done(std::unexpected(reply.error()));
                   // The members that it wrote.
                   refresh([this, done, reply](stdx::Status) {
                     done(reply);
                     announce();
                   });
                 });
}

// What a caller knows is held against the records as they are now: where it knows more than this
// control plane has read, another one of the same database may have written it.
void Service::with_current_records(const v1::RecordsKnown& known, Refreshed then) {
  if (!gate_.is_news(known)) return then({});
  refresh(std::move(then));
}

void Service::take_term(const std::string& zhost, const v1::CasTermRequest& r,
                        std::function<void(stdx::Result<v1::TermRow>)> done) {
  if (const auto may = gate_.may_take_term(r, zhost); !may)
    return done(std::unexpected(may.error()));
  store_.cas_term(r.expected_version(), r.next_term(), r.next_holder(),
                  [this, done](stdx::Result<ports::TermRow> row) {
                    if (!row) return done(std::unexpected(wrote(row.error())));
                    wrote();
                    done(to_wire(*row));
                    if (row->version > term_.version) term_ = *row;
                    gate_.term_taken(*row);
                    announce();
                  });
}

void Service::commit(const std::string& zhost, v1::CommitRequest& r,
                     std::function<void(stdx::Result<v1::CommitReply>)> done) {
  if (const auto may = gate_.may_commit(zhost, r.known()); !may)
    return done(std::unexpected(may.error()));
  // The keys of zhosts are the authority's own, whoever leads.
  if (std::any_of(r.changes().begin(), r.changes().end(), [](const auto& change) {
        return change.kind() == "key" || change.kind() == KeyBook::record_kind ||
               change.kind() == JoinTokens::record_kind ||
               change.kind() == Revocations::record_kind;
      }))
    return done(stdx::fail(Code::denied, "a leader does not write keys and join tokens"));
  const bool tokens = std::any_of(r.changes().begin(), r.changes().end(),
                                  [](const auto& change) { return change.kind() == "token"; });
  store_.commit(r.term(), changes_of(r),
                [this, done, tokens](stdx::Result<ports::Store::Committed> committed) {
                  if (!committed) return done(std::unexpected(wrote(committed.error())));
                  wrote();
                  gate_.committed(committed->revision);
                  v1::CommitReply reply;
                  reply.set_revision(committed->revision);
                  done(std::move(reply));
                  // A revoked token is refused everywhere at once, not after the next poll.
                  if (tokens) refresh([this](stdx::Status) { announce(); });
                });
}

}  // namespace controlplane
