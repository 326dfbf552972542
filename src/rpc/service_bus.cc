// SPDX-License-Identifier: Apache-2.0
#include "rpc/service_bus.h"

#include <algorithm>

#include "rpc/link_room.h"
#include "stdx/text.h"

namespace rpc {
namespace {

using namespace std::chrono_literals;
constexpr stdx::Duration back_off_min = 20ms;
constexpr stdx::Duration back_off_max = 1s;

}  // namespace

ServiceBus::ServiceBus(ports::Runtime& runtime, ports::Transport& transport, Options options)
    : runtime_(runtime),
      transport_(transport),
      options_(std::move(options)),
      endpoint_(runtime, [this](v1::Envelope envelope) { send(std::move(envelope)); }),
      retry_(runtime.executor),
      back_off_(back_off_min),
      dropped_(runtime.metrics.counter("samoza_bus_dropped_events_total",
                                       "Events not sent because the hub was away",
                                       {{"hub", options_.hub}})),
      refused_(runtime.metrics.counter("samoza_bus_refused_total",
                                       "Messages refused as too much waited on its way to the hub",
                                       {{"hub", options_.hub}})) {}

ServiceBus::~ServiceBus() = default;

void ServiceBus::start() {
  connect();
}

void ServiceBus::connect() {
  transport_.connect(
      ports::Endpoint::local(options_.hub),
      [this, alive = std::weak_ptr<bool>(alive_)](stdx::Result<std::unique_ptr<ports::Link>> link) {
        if (alive.expired()) return;
        if (link) {
          attach(std::move(*link));
          return;
        }
        // Full jitter: the processes of a zhost must not come back in step.
        const auto wait =
            back_off_ / 2 +
            stdx::Duration(static_cast<std::int64_t>(
                runtime_.random.next() % static_cast<std::uint64_t>(back_off_.count())));
        back_off_ = std::min(back_off_ * 2, back_off_max);
        retry_.set(wait, [this] { connect(); });
      });
}

void ServiceBus::attach(std::unique_ptr<ports::Link> link) {
  link_ = std::move(link);
  back_off_ = back_off_min;
  link_->start({.on_frame = [this](stdx::Bytes frame) { receive(std::move(frame)); },
                .on_closed = [this](const stdx::Error& why) { lost(why); },
                .on_writable =
                    [this] {
                      if (on_writable) on_writable();
                    }});
  link_->send(wire::encode_frame(wire::FrameKind::hello, options_.hello));
  if (on_state) on_state(true);
}

void ServiceBus::lost(const stdx::Error& why) {
  runtime_.log.write(why.code == stdx::Code::full ? ports::Level::warn : ports::Level::debug,
                     "bus_lost", {{"hub", options_.hub}, {"why", why.message}});
  link_.reset();
  endpoint_.fail_all({stdx::Code::unknown, stdx::format("the link to {} was lost", options_.hub)});
  if (on_state) on_state(false);
  retry_.set(back_off_min, [this] { connect(); });
}

void ServiceBus::receive(stdx::Bytes frame) {
  const auto kind = wire::frame_kind(frame);
  if (kind && *kind == wire::FrameKind::data) {
    if (on_data) on_data(std::move(frame));
    return;
  }
  if (kind && *kind == wire::FrameKind::envelope) {
    if (auto envelope = wire::parse_frame<v1::Envelope>(frame)) {
      endpoint_.receive(std::move(*envelope));
      return;
    }
  }
  runtime_.log.warn("bad_frame", {{"hub", options_.hub}, {"bytes", frame.size()}});
}

void ServiceBus::send(v1::Envelope envelope) {
  if (link_ && has_room(*link_, envelope)) return wire::send_envelope(*link_, envelope);
  if (link_) return refuse(std::move(envelope));
  if (envelope.is_response() || envelope.request_id() == 0) {
    dropped_.add();
    return;
  }
  // Posted: `request` must not answer from inside itself.
  runtime_.executor.post([this, alive = std::weak_ptr<bool>(alive_), envelope] {
    if (alive.expired()) return;
    endpoint_.receive(RpcEndpoint::failure(
        envelope, {stdx::Code::unavailable, stdx::format("{} is away", options_.hub)}));
  });
}

// The hub does not read as fast as this service writes.
void ServiceBus::refuse(v1::Envelope envelope) {
  refused_.add();
  const stdx::Error why{
      stdx::Code::full,
      stdx::format("too much waits on its way to {} of this zhost; try again", options_.hub)};
  if (envelope.is_response()) {
    // Its caller hears so much, where even that fits.
    envelope.clear_body();
    *envelope.mutable_status() = wire::to_wire(why);
    if (has_room(*link_, envelope)) wire::send_envelope(*link_, envelope);
    return;
  }
  if (envelope.request_id() == 0) return;
  runtime_.executor.post([this, alive = std::weak_ptr<bool>(alive_), envelope, why] {
    if (!alive.expired()) endpoint_.receive(RpcEndpoint::failure(envelope, why));
  });
}

void ServiceBus::request(v1::ServiceAddress to, std::string method, stdx::Bytes body,
                         stdx::Duration timeout, Response done) {
  endpoint_.request(std::move(to), std::move(method), std::move(body), timeout, std::move(done));
}

void ServiceBus::notify(v1::ServiceAddress to, std::string method, stdx::Bytes body) {
  endpoint_.notify(std::move(to), std::move(method), std::move(body));
}

bool ServiceBus::send_data(stdx::Bytes frame) {
  if (!link_ || link_->queued_bytes() > ports::Link::queue_bytes_max / 2) return false;
  link_->send(std::move(frame));
  return true;
}

}  // namespace rpc
