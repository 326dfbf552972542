// SPDX-License-Identifier: Apache-2.0
#include "controlplane/registrar.h"

#include <iterator>
#include <utility>
#include <vector>

#include "model/topology.h"
#include "stdx/text.h"
#include "wire/json.h"

namespace controlplane {

using stdx::Code;

Registrar::Registrar(ports::Runtime& runtime, ports::Store& store, rpc::RpcEndpoint& endpoint,
                     SuperMethods methods, std::string cluster_id, Parts parts)
    : runtime_(runtime), store_(store), cluster_id_(std::move(cluster_id)), parts_(parts) {
  endpoint.on("controlplane.register",
              rpc::typed<v1::RegisterRequest, v1::RegisterReply>(
                  [this](const rpc::Caller& caller, v1::RegisterRequest request, auto done) {
                    if (request.member().zhost_id() != caller.from.zhost())
                      return done(stdx::fail(
                          Code::denied, "a link registers the zhost of its certificate alone"));
                    const auto who = parts_.links.identity(caller.from.zhost());
                    if (!who) return done(std::unexpected(who.error()));
                    register_member(std::move(request), {*who, 0}, tries_max, std::move(done));
                  }));
  methods.on<v1::ForgetRequest, v1::ForgetReply>(
      "controlplane.forget", [this](const rpc::Caller&, const v1::ForgetRequest& request,
                                    auto done) { forget(request, std::move(done)); });
  methods.on<v1::MarkRequest, v1::MarkReply>(
      "controlplane.mark", [this](const rpc::Caller&, const v1::MarkRequest& request, auto done) {
        mark(request, std::move(done));
      });
}

// Whether the request may register `zhost`: the link that it names, 0 where it names none.
stdx::Result<MemberLinks::LinkId> Registrar::authorize(const ports::HttpRequest& request,
                                                       const std::string& zhost) const {
  TRY(ports::check_role(request.caller, {ports::CertificateRole::zhost}));
  TRY(parts_.authority.check(request.caller));
  if (request.caller.name != zhost)
    return stdx::fail(Code::denied, stdx::format("zhost '{}' registers itself, and not '{}'",
                                                 request.caller.name, stdx::printable(zhost, 80)));
  const auto at = request.headers.find(link_header);
  if (at == request.headers.end()) return 0;
  return parts_.links.find(zhost, at->second);
}

void Registrar::handle(const ports::HttpRequest& request, ports::HttpReply reply) {
  v1::RegisterRequest asked;
  if (auto parsed = wire::from_json(request.body, asked); !parsed)
    return reply(wire::error_response(parsed.error()));
  const auto link = authorize(request, asked.member().zhost_id());
  if (!link) {
    auto response = wire::error_response(link.error());
    if (link.error().code == Code::denied) response.status = 401;
    return reply(std::move(response));
  }
  const Registrant from{request.caller, *link};
  register_member(std::move(asked), from, tries_max, [this, reply, id = *link](auto result) {
    if (result && id != 0) parts_.links.admitted(id);
    reply(result ? wire::json_response(*result) : wire::error_response(result.error()));
  });
}

stdx::Status Registrar::check(const v1::RegisterRequest& request) const {
  const auto& member = request.member();
  if (request.cluster_id() != cluster_id_)
    return stdx::fail(Code::denied, stdx::format("this is cluster '{}', not '{}'", cluster_id_,
                                                 stdx::printable(request.cluster_id(), 80)));
  if (!model::is_name(member.zhost_id()) || member.incarnation() == 0)
    return stdx::fail(Code::invalid, "member.zhost_id (a name) and member.incarnation are needed");
  if (member.ByteSizeLong() > Membership::member_bytes_max)
    return stdx::fail(
        Code::invalid,
        stdx::format("what zhost '{}' says of itself (labels, devices, region) takes "
                     "{} bytes; {} are allowed",
                     member.zhost_id(), member.ByteSizeLong(), Membership::member_bytes_max));
  return {};
}

void Registrar::register_member(v1::RegisterRequest request, const Registrant& from, int tries,
                                Done<v1::RegisterReply> done) {
  if (const auto good = check(request); !good) return done(std::unexpected(good.error()));
  // The row first: another control plane, or this one a moment ago, may have changed it.
  parts_.records.refresh([this, request, from, tries, done](stdx::Status refreshed) {
    if (!refreshed) return done(std::unexpected(refreshed.error()));
    parts_.gate.admit(request, [this, request, from, tries, done](stdx::Status admitted) {
      if (!admitted) return done(std::unexpected(admitted.error()));
      write_member(request, from, tries, done);
    });
  });
}

void Registrar::write_member(const v1::RegisterRequest& request, const Registrant& from, int tries,
                             Done<v1::RegisterReply> done) {
  auto wanted = request.member();
  // It may have been forgotten while its registration waited for the records.
  if (const auto good = parts_.authority.check(from.who); !good)
    return done(std::unexpected(good.error()));
  const auto version = parts_.membership.admit(
      wanted, parts_.links.is_connected_elsewhere(wanted.zhost_id(), from.link));
  if (!version) return done(std::unexpected(version.error()));
  wanted.clear_forgotten();  // not for a zhost to say
  wanted.clear_dead();
  wanted.set_local(parts_.authority.is_local(wanted.zhost_id()));
  wanted.set_registered_at(stdx::format_rfc3339(runtime_.clock.wall()));
  std::vector<ports::RecordChange> changes{
      {"zhost", wanted.zhost_id(), *version, wanted.SerializeAsString()}};
  const auto revoked = parts_.authority.said({request.revoked().begin(), request.revoked().end()},
                                             runtime_.clock.wall());
  changes.insert(changes.end(), revoked.begin(), revoked.end());
  store_.commit({}, std::move(changes),
                [this, request, wanted, from, revoked, version = *version, tries,
                 done](stdx::Result<ports::Store::Committed> committed) {
                  if (!committed && committed.error().code == Code::conflict && tries > 1)
                    return register_member(request, from, tries - 1, done);
                  if (!committed)
                    return done(std::unexpected(parts_.records.write_failed(committed.error())));
                  parts_.records.write_succeeded();
                  parts_.gate.committed(committed->revision);
                  parts_.membership.learn(wanted, version + 1, runtime_.clock.now());
                  parts_.records.learn_written(revoked);
                  if (!revoked.empty())
                    runtime_.log.warn("revoked_before_records_were_put_back",
                                      {{"told_by", wanted.zhost_id()}, {"count", revoked.size()}});
                  runtime_.log.info("zhost_registered", {{"zhost", wanted.zhost_id()},
                                                         {"incarnation", wanted.incarnation()}});
                  done(reply_now());
                  parts_.announcer.announce();
                });
}

v1::RegisterReply Registrar::reply_now() {
  auto now = parts_.announcer.answer();
  v1::RegisterReply reply;
  *reply.mutable_records() = parts_.gate.known();
  reply.mutable_supers()->Swap(now.mutable_supers());
  reply.mutable_peers()->Swap(now.mutable_peers());
  reply.set_leader(now.leader());
  reply.set_term(now.term());
  reply.set_copies_detail(now.copies_detail());
  reply.mutable_revoked_tokens()->Swap(now.mutable_revoked_tokens());
  reply.set_sequence(now.sequence());
  reply.set_keys_generation(now.keys_generation());
  return reply;
}

void Registrar::forget(const v1::ForgetRequest& request, Done<v1::ForgetReply> done) {
  parts_.records.refresh([this, request, done](stdx::Status refreshed) {
    if (!refreshed) return done(std::unexpected(refreshed.error()));
    write_forgotten(request, done);
  });
}

void Registrar::write_forgotten(const v1::ForgetRequest& request,
                                const Done<v1::ForgetReply>& done) {
  if (const auto open = parts_.gate.may_commit(); !open) return done(std::unexpected(open.error()));
  const auto row = parts_.membership.to_forget(request.zhost_id(), request.incarnation());
  if (!row) return done(std::unexpected(row.error()));
  const auto wall = runtime_.clock.wall();
  std::vector<ports::RecordChange> own{parts_.authority.keys().zhost_forgotten(wall)};
  auto key = parts_.authority.to_forget(request.zhost_id(), wall);
  if (!key) return done(std::unexpected(key.error()));
  own.insert(own.end(), std::make_move_iterator(key->begin()), std::make_move_iterator(key->end()));
  auto changes = own;
  changes.push_back({"zhost", request.zhost_id(), row->version, row->member.SerializeAsString()});
  // Fenced: only who holds the term has judged it dead (P7).
  store_.commit(request.term(), std::move(changes),
                [this, row = *row, own, done](stdx::Result<ports::Store::Committed> committed) {
                  if (!committed)
                    return done(std::unexpected(parts_.records.write_failed(committed.error())));
                  parts_.gate.committed(committed->revision);
                  parts_.records.learn_written(own);
                  on_forgotten();
                  parts_.membership.learn(row.member, row.version + 1, runtime_.clock.now());
                  runtime_.log.info("zhost_forgotten", {{"zhost", row.member.zhost_id()},
                                                        {"incarnation", row.member.incarnation()}});
                  done(v1::ForgetReply());
                  parts_.announcer.announce();
                });
}

// Fenced, like a forgetting. The leader repeats it until it is taken: a verdict stands until a beat
// comes.
void Registrar::mark(const v1::MarkRequest& request, Done<v1::MarkReply> done) {
  if (const auto open = parts_.gate.may_commit(); !open) return done(std::unexpected(open.error()));
  const auto row =
      parts_.membership.to_mark(request.zhost_id(), request.incarnation(), request.dead());
  if (!row) return done(std::unexpected(row.error()));
  if (row->version == 0) return done(v1::MarkReply());
  store_.commit(request.term(),
                {{"zhost", request.zhost_id(), row->version, row->member.SerializeAsString()}},
                [this, row = *row, done](stdx::Result<ports::Store::Committed> committed) {
                  if (!committed)
                    return done(std::unexpected(parts_.records.write_failed(committed.error())));
                  parts_.records.write_succeeded();
                  parts_.gate.committed(committed->revision);
                  parts_.membership.learn(row.member, row.version + 1, runtime_.clock.now());
                  done(v1::MarkReply());
                });
}

}  // namespace controlplane
