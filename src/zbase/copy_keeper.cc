// SPDX-License-Identifier: Apache-2.0
#include "zbase/copy_keeper.h"

#include <algorithm>

#include "stdx/text.h"

namespace zbase {

using stdx::Code;

namespace {

bool is_control_plane(const rpc::Caller& caller) {
  return caller.from.service() == "controlplane" && caller.from.zhost().empty();
}

std::unexpected<stdx::Error> only_the_control_plane() {
  return stdx::fail(Code::denied, "copies of the records are the control plane's");
}

}  // namespace

CopyKeeper::CopyKeeper(ports::Runtime& runtime, ports::CopyStore& store, rpc::RpcEndpoint& zmesh)
    : runtime_(runtime),
      store_(store),
      incoming_timer_(runtime.executor),
      reading_timer_(runtime.executor),
      copies_(runtime.metrics.gauge("samoza_zbase_record_copies",
                                    "Copies of the control plane's records on this zhost")),
      refused_(runtime.metrics.counter("samoza_zbase_record_copies_refused_total",
                                       "Copies of the records that were not taken")) {
  copies_.set(static_cast<std::int64_t>(store_.list().size()));
  zmesh.on("zbase.copy_put", rpc::typed<v1::CopyPut, v1::CopyPutReply>(
                                 [this](const rpc::Caller& caller, v1::CopyPut part, auto done) {
                                   if (!is_control_plane(caller))
                                     return done(only_the_control_plane());
                                   put(part, std::move(done));
                                 }));
  zmesh.on("zbase.copies",
           rpc::typed<v1::CopiesRequest, v1::CopiesReply>(
               [this](const rpc::Caller&, const v1::CopiesRequest&, auto done) { done(list()); }));
  zmesh.on("zbase.copy_read",
           rpc::typed<v1::CopyReadRequest, v1::CopyReadReply>(
               [this](const rpc::Caller& caller, const v1::CopyReadRequest& request, auto done) {
                 if (!is_control_plane(caller)) return done(only_the_control_plane());
                 read(request, std::move(done));
               }));
}

stdx::Error CopyKeeper::refused(const stdx::Error& why) {
  refused_.add();
  runtime_.log.warn("records_copy_refused", {{"why", why.message}});
  return why;
}

void CopyKeeper::drop_incoming() {
  incoming_.Clear();
  incoming_bytes_ = stdx::Bytes();  // and not clear(), which keeps its memory
  incoming_timer_.cancel();
}

void CopyKeeper::put(const v1::CopyPut& part, Put done) {
  if (part.data().empty()) return offered(part.info(), std::move(done));
  if (incoming_.sha256().empty() || part.info().sha256() != incoming_.sha256() ||
      part.offset() != incoming_bytes_.size() ||
      part.data().size() > incoming_.bytes() - incoming_bytes_.size())
    return done(
        stdx::fail(Code::stale, "this is not the next part of a copy that was asked about"));
  incoming_bytes_ += part.data();
  incoming_timer_.set(incoming_timeout, [this] { drop_incoming(); });
  if (incoming_bytes_.size() == incoming_.bytes()) return whole(std::move(done));
  done(v1::CopyPutReply());
}

void CopyKeeper::offered(const v1::CopyInfo& info, Put done) {
  if (info.sha256().empty() || info.bytes() == 0 || info.bytes() > ports::Store::copy_bytes_max)
    return done(
        std::unexpected(refused({Code::invalid, stdx::format("a copy has 1 to {} bytes and a hash",
                                                             ports::Store::copy_bytes_max)})));
  // Of one state one copy is enough, whatever pages its file has.
  const auto there = store_.list();
  if (std::any_of(there.begin(), there.end(), [&](const ports::RecordsCopy& copy) {
        return copy.lineage == info.lineage() && copy.counter == info.counter() &&
               copy.term == info.term() && !copy.damaged;
      })) {
    v1::CopyPutReply reply;
    reply.set_kept(true);
    return done(std::move(reply));
  }
  store_.check_room(info.bytes(),
                    [this, info, done, alive = std::weak_ptr<bool>(alive_)](stdx::Status room) {
                      if (alive.expired()) return;
                      if (!room) return done(std::unexpected(refused(room.error())));
                      drop_incoming();
                      incoming_ = info;
                      incoming_timer_.set(incoming_timeout, [this] { drop_incoming(); });
                      done(v1::CopyPutReply());
                    });
}

void CopyKeeper::whole(Put done) {
  ports::RecordsCopy copy{.lineage = incoming_.lineage(),
                          .counter = incoming_.counter(),
                          .term = incoming_.term(),
                          .sha256 = incoming_.sha256(),
                          .bytes = incoming_.bytes(),
                          .made = incoming_.made()};
  auto bytes = std::move(incoming_bytes_);
  drop_incoming();
  store_.put(copy, std::move(bytes),
             [this, copy, done, alive = std::weak_ptr<bool>(alive_)](stdx::Status stored) {
               if (alive.expired()) return;
               copies_.set(static_cast<std::int64_t>(store_.list().size()));
               if (!stored) return done(std::unexpected(refused(stored.error())));
               runtime_.log.info(
                   "records_copy_kept",
                   {{"counter", copy.counter}, {"lineage", copy.lineage}, {"bytes", copy.bytes}});
               v1::CopyPutReply reply;
               reply.set_kept(true);
               done(std::move(reply));
             });
}

v1::CopyReadReply CopyKeeper::part_of(const stdx::Bytes& bytes, std::uint64_t offset) {
  v1::CopyReadReply reply;
  if (offset < bytes.size()) reply.set_data(bytes.substr(offset, part_bytes));
  return reply;
}

void CopyKeeper::read(const v1::CopyReadRequest& request, Read done) {
  const auto keep = [this] {
    reading_timer_.set(incoming_timeout, [this] {
      reading_.clear();
      reading_bytes_.reset();
    });
  };
  if (reading_bytes_ != nullptr && reading_ == request.sha256()) {
    keep();
    return done(part_of(*reading_bytes_, request.offset()));
  }
  store_.get(request.sha256(), [this, keep, request, done, alive = std::weak_ptr<bool>(alive_)](
                                   stdx::Result<stdx::Bytes> bytes) {
    if (alive.expired()) return;
    if (!bytes) return done(std::unexpected(bytes.error()));
    reading_ = request.sha256();
    reading_bytes_ = std::make_shared<const stdx::Bytes>(std::move(*bytes));
    keep();
    done(part_of(*reading_bytes_, request.offset()));
  });
}

v1::CopiesReply CopyKeeper::list() const {
  v1::CopiesReply reply;
  for (const auto& copy : store_.list()) {
    auto& info = *reply.add_copies();
    info.set_lineage(copy.lineage);
    info.set_counter(copy.counter);
    info.set_term(copy.term);
    info.set_sha256(copy.sha256);
    info.set_bytes(copy.bytes);
    info.set_made(copy.made);
    info.set_damaged(copy.damaged);
  }
  return reply;
}

}  // namespace zbase
