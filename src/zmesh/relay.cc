// SPDX-License-Identifier: Apache-2.0
#include "zmesh/relay.h"

#include <utility>

#include "stdx/text.h"
#include "wire/data_frame.h"
#include "wire/frame.h"

namespace zmesh {

using stdx::Code;

Relay::Relay(ports::Runtime& runtime, rpc::Hub& hub, PeerLinks& peers,
             const NeighbourTable& neighbours, const Directory& directory, std::string self)
    : runtime_(runtime),
      hub_(hub),
      peers_(peers),
      neighbours_(neighbours),
      directory_(directory),
      self_(std::move(self)),
      relayed_(runtime.metrics.counter("samoza_zmesh_relayed_total",
                                       "Envelopes and data frames passed on for other zhosts")),
      undeliverable_(runtime.metrics.counter(
          "samoza_zmesh_undeliverable_total",
          "Data frames dropped because their zhost or service was not reachable")),
      stale_frames_(runtime.metrics.counter(
          "samoza_zmesh_stale_frames_total",
          "Data frames refused because their sender's epoch or zhost is not the directory's")) {}

// --- envelopes ---

void Relay::send(const v1::Envelope& envelope) {
  const auto next = neighbours_.next_hop(envelope.to().zhost());
  if (!next) {
    bounce(envelope,
           stdx::format("zhost '{}' is not reachable", stdx::printable(envelope.to().zhost(), 80)));
    return;
  }
  peers_.send(*next, envelope);
}

void Relay::bounce(const v1::Envelope& envelope, const std::string& why) {
  if (envelope.request_id() == 0 || envelope.is_response()) return;
  auto failure = rpc::RpcEndpoint::failure(envelope, {Code::unavailable, why});
  runtime_.executor.post(
      [this, alive = std::weak_ptr<bool>(alive_), failure = std::move(failure)]() mutable {
        if (!alive.expired()) hub_.route(std::move(failure));
      });
}

void Relay::receive(const std::string& peer, stdx::Bytes frame) {
  const auto kind = wire::frame_kind(frame);
  if (kind && *kind == wire::FrameKind::data) {
    take_data(peer, std::move(frame));
    return;
  }
  if (kind && *kind == wire::FrameKind::envelope) {
    if (auto envelope = wire::parse_frame<v1::Envelope>(frame)) {
      take_envelope(peer, std::move(*envelope));
      return;
    }
  }
  runtime_.log.warn("bad_frame", {{"peer", peer}, {"bytes", frame.size()}});
}

void Relay::take_envelope(const std::string& peer, v1::Envelope envelope) {
  // A zhost speaks for itself; for others only as a relay, and then not in the first hop.
  if (envelope.hops() == 0 && envelope.from().zhost() != peer) {
    runtime_.log.warn("forged_sender", {{"peer", peer}, {"claims", envelope.from().zhost()}});
    return;
  }
  if (envelope.to().zhost() == self_) {
    // What a relay says in the name of a zhost that it does not reach is no sign of that one.
    const bool of_itself = !envelope.is_response() || envelope.status().code() == 0;
    if (envelope.from().zhost() != peer && of_itself) peers_.came_around(envelope.from().zhost());
    hub_.deliver(std::move(envelope));
    return;
  }
  envelope.set_hops(envelope.hops() + 1);
  envelope.add_route(self_);
  if (envelope.hops() >= NeighbourTable::hops_max || !peers_.linked(envelope.to().zhost())) {
    if (envelope.request_id() == 0 || envelope.is_response()) return;
    auto failure = rpc::RpcEndpoint::failure(
        envelope, {Code::unavailable, stdx::format("zhost '{}' is not reachable through '{}'",
                                                   envelope.to().zhost(), self_)});
    failure.set_hops(1);  // said by this relay in the name of its target
    peers_.send(peer, failure);
    return;
  }
  relayed_.add();
  const std::string to = envelope.to().zhost();
  peers_.send(to, envelope);
}

// --- data frames ---

void Relay::take_data(const std::string& peer, stdx::Bytes frame) {
  const auto parsed = wire::parse_data_frame(frame);
  if (!parsed) {
    runtime_.log.warn("bad_frame", {{"peer", peer}, {"why", parsed.error().message}});
    return;
  }
  const auto& header = parsed->header;
  const auto* sender = directory_.find(header.topology, header.from_space);
  // S1, S15, R-SEND-8: nothing from an instance that was replaced, nor from a zhost that does not
  // have the space. What the directory does not know yet is checked by zrun, which knows less or
  // the same (P10).
  if (sender != nullptr &&
      (header.from_epoch < sender->epoch() ||
       (header.hops == 0 && header.from_epoch == sender->epoch() && sender->zhost() != peer))) {
    stale_frames_.add();
    return;
  }
  forward(std::move(frame), peer);
}

void Relay::forward(stdx::Bytes frame, const std::string& came_from) {
  const auto parsed = wire::parse_data_frame(frame);
  if (!parsed) {
    runtime_.log.warn("bad_frame", {{"service", "zrun"}, {"why", parsed.error().message}});
    return;
  }
  const auto header = parsed->header;
  const auto* receiver = directory_.find(header.topology, header.to_space);
  if (receiver == nullptr) {
    undeliverable_.add();
    return;
  }
  if (receiver->zhost() == self_) {
    if (!hub_.send_data("zrun", std::move(frame))) undeliverable_.add();
    return;
  }
  if (header.hops + 1u >= NeighbourTable::hops_max + 1u) {
    undeliverable_.add();
    return;
  }
  const auto next = neighbours_.next_hop(receiver->zhost(), came_from);
  if (!next) {
    undeliverable_.add();
    return;
  }
  if (!came_from.empty()) {
    wire::add_hop(frame);
    relayed_.add();
  }
  // Dropped where the link is full: the sending zrun repeats what is not acknowledged.
  if (!peers_.send_if_room(*next, std::move(frame))) undeliverable_.add();
}

}  // namespace zmesh
