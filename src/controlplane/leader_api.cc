// SPDX-License-Identifier: Apache-2.0
#include "controlplane/leader_api.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "controlplane/join_tokens.h"
#include "controlplane/key_book.h"
#include "controlplane/revocations.h"
#include "ports/transport.h"

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

LeaderApi::LeaderApi(ports::Store& store, RecordsGate& gate, RecordsCache& records,
                     rpc::RpcEndpoint& endpoint, SuperMethods methods)
    : store_(store), gate_(gate), records_(records) {
  endpoint.on("controlplane.read_term", rpc::typed<v1::ReadTermRequest, v1::TermRow>(
                                            [this](const rpc::Caller&, v1::ReadTermRequest,
                                                   auto done) { read_term(std::move(done)); }));
  methods.on<v1::CasTermRequest, v1::TermRow>(
      "controlplane.cas_term",
      [this](const rpc::Caller& caller, const v1::CasTermRequest& request, auto done) {
        const auto zhost = caller.from.zhost();
        records_.refresh_if_news(request.known(), [this, zhost, request, done](stdx::Status read) {
          if (!read) return done(std::unexpected(read.error()));
          take_term(zhost, request, done);
        });
      });
  methods.on<v1::CommitRequest, v1::CommitReply>(
      "controlplane.commit", [this](const rpc::Caller& caller, v1::CommitRequest r, auto done) {
        const auto zhost = caller.from.zhost();
        auto request = std::make_shared<v1::CommitRequest>(std::move(r));
        records_.refresh_if_news(request->known(), [this, zhost, request, done](stdx::Status read) {
          if (!read) return done(std::unexpected(read.error()));
          commit(zhost, *request, done);
        });
      });
  endpoint.on("controlplane.read_since",
              rpc::typed<v1::ReadSinceRequest, v1::RecordsReply>(
                  [this](const rpc::Caller&, const v1::ReadSinceRequest& request, auto done) {
                    read_since(request, std::move(done));
                  }));
}

void LeaderApi::read_term(Done<v1::TermRow> done) {
  if (records_.is_damaged()) return done(stdx::fail(Code::unavailable, records_.read_trouble()));
  if (const auto may = gate_.may_read_term(); !may) return done(std::unexpected(may.error()));
  store_.read_term([done](stdx::Result<ports::TermRow> row) {
    if (!row) return done(std::unexpected(row.error()));
    done(to_wire(*row));
  });
}

void LeaderApi::read_since(const v1::ReadSinceRequest& request, Done<v1::RecordsReply> done) {
  ports::Store::Page page{
      .revision = request.revision(), .after = std::nullopt, .bytes_max = page_bytes_max};
  if (request.has_after()) page.after = {request.after().kind(), request.after().key()};
  store_.read_page(std::move(page), [done](stdx::Result<ports::Store::Snapshot> snapshot) {
    if (!snapshot) return done(std::unexpected(snapshot.error()));
    done(page_of(std::move(*snapshot)));
  });
}

void LeaderApi::take_term(const std::string& zhost, const v1::CasTermRequest& request,
                          Done<v1::TermRow> done) {
  if (const auto may = gate_.may_take_term(request, zhost); !may)
    return done(std::unexpected(may.error()));
  store_.cas_term(request.expected_version(), request.next_term(), request.next_holder(),
                  [this, done](stdx::Result<ports::TermRow> row) {
                    if (!row) return done(std::unexpected(records_.write_failed(row.error())));
                    records_.write_succeeded();
                    done(to_wire(*row));
                    records_.term_taken(*row);
                    gate_.term_taken(*row);
                    on_change();
                  });
}

void LeaderApi::commit(const std::string& zhost, v1::CommitRequest& request,
                       Done<v1::CommitReply> done) {
  if (const auto may = gate_.may_commit(zhost, request.known()); !may)
    return done(std::unexpected(may.error()));
  // The keys of zhosts are the authority's own, whoever leads.
  if (std::any_of(request.changes().begin(), request.changes().end(), [](const auto& change) {
        return change.kind() == "key" || change.kind() == KeyBook::record_kind ||
               change.kind() == JoinTokens::record_kind ||
               change.kind() == Revocations::record_kind;
      }))
    return done(stdx::fail(Code::denied, "a leader does not write keys and join tokens"));
  const bool tokens = std::any_of(request.changes().begin(), request.changes().end(),
                                  [](const auto& change) { return change.kind() == "token"; });
  store_.commit(request.term(), changes_of(request),
                [this, done, tokens](stdx::Result<ports::Store::Committed> committed) {
                  if (!committed)
                    return done(std::unexpected(records_.write_failed(committed.error())));
                  records_.write_succeeded();
                  gate_.committed(committed->revision);
                  v1::CommitReply reply;
                  reply.set_revision(committed->revision);
                  done(std::move(reply));
                  // A revoked token is refused everywhere at once, not after the next poll.
                  if (tokens) records_.refresh([this](stdx::Status) { on_change(); });
                });
}

}  // namespace controlplane
