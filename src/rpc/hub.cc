// SPDX-License-Identifier: Apache-2.0
#include "rpc/hub.h"

#include "rpc/link_room.h"
#include "stdx/text.h"

namespace rpc {

using stdx::Code;

Hub::Hub(ports::Runtime& runtime, ports::Transport& transport, Options options)
    : runtime_(runtime),
      transport_(transport),
      options_(std::move(options)),
      endpoint_(runtime,
                [this](v1::Envelope envelope) {
                  *envelope.mutable_from() = address(options_.zhost, options_.name);
                  route(std::move(envelope));
                }),
      refused_(runtime.metrics.counter(
          "samoza_hub_refused_total",
          "Messages refused as their service does not read what waits for it",
          {{"hub", options_.name}})) {}

Hub::~Hub() = default;

stdx::Status Hub::start() {
  TRY_ASSIGN(listener_, transport_.listen(ports::Endpoint::local(options_.name),
                                          [this](std::unique_ptr<ports::Link> link) {
                                            accept(std::move(link));
                                          }));
  return {};
}

void Hub::accept(std::unique_ptr<ports::Link> link) {
  if (connections_.size() >= links_max) {
    runtime_.log.warn("hub_full", {{"hub", options_.name}, {"links", connections_.size()}});
    return;
  }
  const auto id = next_connection_++;
  auto& connection = connections_[id];
  connection.link = std::move(link);
  connection.link->start(
      {.on_frame = [this, id](stdx::Bytes frame) { receive(id, std::move(frame)); },
       .on_closed = [this, id](const stdx::Error& why) { closed(id, why); },
       .on_writable = {}});
}

void Hub::receive(std::uint64_t id, stdx::Bytes frame) {
  const auto at = connections_.find(id);
  if (at == connections_.end()) return;
  auto& connection = at->second;
  const auto kind = wire::frame_kind(frame);
  if (connection.hello.service().empty()) {
    auto hello = kind && *kind == wire::FrameKind::hello ? wire::parse_frame<v1::Hello>(frame)
                                                         : stdx::fail(Code::invalid, "no hello");
    if (!hello || hello->service().empty() || hello->zhost() != options_.zhost) {
      runtime_.log.warn("bad_hello", {{"hub", options_.name}});
      drop(id);
      return;
    }
    connection.hello = std::move(*hello);
    // A newer process of the same name replaces the older link: the old one is dead or leaving.
    const std::string service = connection.hello.service();
    const auto older = services_.find(service);
    if (older != services_.end()) {
      const auto old_id = older->second;
      runtime_.executor.post([this, old_id] { drop(old_id); });
    }
    services_[service] = id;
    if (on_service) on_service(connection.hello, true);
    return;
  }
  if (kind && *kind == wire::FrameKind::data) {
    if (on_data) on_data(connection.hello.service(), std::move(frame));
    return;
  }
  auto envelope = kind && *kind == wire::FrameKind::envelope
                      ? wire::parse_frame<v1::Envelope>(frame)
                      : stdx::fail(Code::invalid, "neither envelope nor data");
  if (!envelope) {
    runtime_.log.warn("bad_frame",
                      {{"hub", options_.name}, {"service", connection.hello.service()}});
    return;
  }
  *envelope->mutable_from() = address(options_.zhost, connection.hello.service());
  envelope->set_hops(0);
  envelope->clear_route();
  route(std::move(*envelope));
}

void Hub::route(v1::Envelope envelope) {
  const auto& to = envelope.to();
  const bool here =
      (to.zhost().empty() && to.service() != "controlplane") || to.zhost() == options_.zhost;
  if (here) {
    deliver(std::move(envelope));
  } else if (outside) {
    outside(std::move(envelope));
  } else if (envelope.request_id() != 0 && !envelope.is_response()) {
    deliver(RpcEndpoint::failure(
        envelope, {Code::not_found, stdx::format("{} carries nothing to zhost '{}'", options_.name,
                                                 stdx::printable(to.zhost(), 100))}));
  }
}

void Hub::deliver(v1::Envelope envelope) {
  const auto& service = envelope.to().service();
  if (service == options_.name) {
    endpoint_.receive(std::move(envelope));
    return;
  }
  const auto at = services_.find(service);
  const bool is_up = at != services_.end();
  if (is_up) {
    auto& link = *connections_.at(at->second).link;
    if (has_room(link, envelope)) return wire::send_envelope(link, envelope);
    refused_.add();
    if (envelope.is_response()) {
      envelope.clear_body();
      *envelope.mutable_status() = wire::to_wire(
          {Code::full, stdx::format("the answer was lost: {} of zhost '{}' does not read",
                                    stdx::printable(service, 60), options_.zhost)});
      if (has_room(link, envelope)) wire::send_envelope(link, envelope);
      return;
    }
  }
  if (envelope.request_id() == 0 || envelope.is_response()) return;
  auto failure = RpcEndpoint::failure(
      envelope,
      is_up ? stdx::Error{Code::full, stdx::format("{} of zhost '{}' does not read",
                                                   stdx::printable(service, 60), options_.zhost)}
            : stdx::Error{Code::unavailable,
                          stdx::format("{} is not up on zhost '{}'", stdx::printable(service, 60),
                                       options_.zhost)});
  // Posted, so that a hub's own request is not answered from inside `request`.
  runtime_.executor.post(
      [this, alive = std::weak_ptr<bool>(alive_), failure = std::move(failure)]() mutable {
        if (!alive.expired()) route(std::move(failure));
      });
}

void Hub::closed(std::uint64_t id, const stdx::Error& why) {
  protocol_errors_.link_ended(why);
  runtime_.log.debug("hub_link_closed", {{"hub", options_.name}, {"why", why.message}});
  drop(id);
}

void Hub::drop(std::uint64_t id) {
  auto node = connections_.extract(id);
  if (node.empty()) return;
  const auto& hello = node.mapped().hello;
  const auto at = services_.find(hello.service());
  if (at != services_.end() && at->second == id) {
    services_.erase(at);
    if (on_service) on_service(hello, false);
  }
}

std::vector<v1::Hello> Hub::services() const {
  std::vector<v1::Hello> list;
  for (const auto& [name, id] : services_) list.push_back(connections_.at(id).hello);
  return list;
}

bool Hub::send_data(const std::string& service, stdx::Bytes frame) {
  const auto at = services_.find(service);
  if (at == services_.end()) return false;
  auto& link = *connections_.at(at->second).link;
  if (link.queued_bytes() > ports::Link::queue_bytes_max / 2) return false;
  link.send(std::move(frame));
  return true;
}

}  // namespace rpc
