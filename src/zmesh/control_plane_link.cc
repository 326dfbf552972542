// SPDX-License-Identifier: Apache-2.0
#include "zmesh/control_plane_link.h"

#include <algorithm>

#include "stdx/text.h"
#include "wire/frame.h"
#include "wire/json.h"

namespace zmesh {
namespace {

using namespace std::chrono_literals;
constexpr stdx::Duration back_off_min = 100ms;
constexpr stdx::Duration back_off_max = 5s;
constexpr stdx::Duration register_timeout = 3s;

}  // namespace

using stdx::Code;

ControlPlaneLink::ControlPlaneLink(ports::Runtime& runtime, ports::Transport& transport,
                                   ports::HttpClient& http, Options options)
    : runtime_(runtime),
      transport_(transport),
      http_(http),
      options_(std::move(options)),
      back_off_(back_off_min),
      retry_(runtime.executor) {}

ControlPlaneLink::~ControlPlaneLink() = default;

void ControlPlaneLink::start() {
  connect();
}

void ControlPlaneLink::connect() {
  auto token = ports::read_join_token(options_.join_token);
  if (!token)
    return not_connected(
        stdx::format("{}: {}", ports::to_string(options_.endpoint), token.error().message));
  auto endpoint = options_.endpoint;
  endpoint.token = std::move(*token);
  transport_.connect(endpoint, [this, alive = std::weak_ptr<bool>(alive_)](
                                   stdx::Result<std::unique_ptr<ports::Link>> link) {
    if (alive.expired()) return;
    if (link)
      attach(std::move(*link));
    else
      not_connected(link.error().message);
  });
}

void ControlPlaneLink::not_connected(const std::string& why) {
  // Once for each reason: it is tried again every few seconds.
  if (why != trouble_) runtime_.log.warn("control_plane_not_reached", {{"why", why}});
  trouble_ = why;
  retry_later([this] { connect(); });
}

void ControlPlaneLink::retry_later(std::function<void()> what) {
  const auto jitter = static_cast<std::uint64_t>(back_off_.count());
  const auto wait =
      back_off_ / 2 + stdx::Duration(static_cast<std::int64_t>(runtime_.random.next() % jitter));
  back_off_ = std::min(back_off_ * 2, back_off_max);
  retry_.set(wait, std::move(what));
}

void ControlPlaneLink::attach(std::unique_ptr<ports::Link> link) {
  link_ = std::move(link);
  link_->start({.on_frame = [this](stdx::Bytes frame) { receive(std::move(frame)); },
                .on_closed = [this](const stdx::Error& why) { lost(why.message); },
                .on_writable = {}});
  link_->send(wire::encode_frame(wire::FrameKind::hello, options_.hello));
  register_zhost();
}

void ControlPlaneLink::register_zhost() {
  ports::HttpRequest request;
  request.method = "POST";
  request.path = "/v1/register";
  request.headers["content-type"] = "application/json";
  if (auto token = ports::read_join_token(options_.join_token); token && !token->empty())
    request.headers["authorization"] = "Bearer " + *token;
  request.body = wire::to_json(options_.registration);
  http_.request(ports::Endpoint::tcp(options_.endpoint.host, options_.endpoint.port),
                std::move(request), register_timeout,
                [this, heard = changes_heard_,
                 alive = std::weak_ptr<bool>(alive_)](stdx::Result<ports::HttpResponse> response) {
                  if (alive.expired() || !link_) return;
                  v1::RegisterReply reply;
                  if (response && response->status != 200)
                    trouble_ = wire::error_from_response(*response).message;
                  else if (!response)
                    trouble_ = response.error().message;
                  else if (auto parsed = wire::from_json(response->body, reply); !parsed)
                    trouble_ = "the control plane's answer is not a RegisterReply: " +
                               parsed.error().message;
                  else
                    trouble_.clear();
                  if (!trouble_.empty()) {
                    runtime_.log.warn("register_failed", {{"why", trouble_}});
                    retry_later([this] {
                      if (link_) register_zhost();
                    });
                    return;
                  }
                  registered_ = true;
                  back_off_ = back_off_min;
                  runtime_.log.info("registered",
                                    {{"peers", reply.peers_size()}, {"leader", reply.leader()}});
                  // The reply takes another way than the events, and may be overtaken by a newer
                  // one.
                  if (heard != changes_heard_) return;
                  v1::MembersChanged members;
                  *members.mutable_supers() = reply.supers();
                  *members.mutable_peers() = reply.peers();
                  members.set_leader(reply.leader());
                  members.set_term(reply.term());
                  if (on_members) on_members(std::move(members));
                });
}

void ControlPlaneLink::receive(stdx::Bytes frame) {
  const auto kind = wire::frame_kind(frame);
  auto envelope = kind && *kind == wire::FrameKind::envelope
                      ? wire::parse_frame<v1::Envelope>(frame)
                      : stdx::fail(Code::invalid, "not an envelope");
  if (!envelope) {
    runtime_.log.warn("bad_frame", {{"from", "controlplane"}, {"bytes", frame.size()}});
    return;
  }
  if (envelope->method() == "controlplane.changed" && !envelope->is_response()) {
    auto members = wire::parse<v1::MembersChanged>(envelope->body());
    ++changes_heard_;
    if (members && on_members) on_members(std::move(*members));
    return;
  }
  if (on_envelope) on_envelope(std::move(*envelope));
}

void ControlPlaneLink::lost(const std::string& why) {
  runtime_.log.warn("control_plane_lost", {{"why", why}});
  link_.reset();
  registered_ = false;
  trouble_ = why;
  back_off_ = back_off_min;
  retry_later([this] { connect(); });
}

void ControlPlaneLink::send(v1::Envelope envelope) {
  if (link_) {
    link_->send(wire::encode_frame(wire::FrameKind::envelope, envelope));
    return;
  }
  if (envelope.request_id() == 0 || envelope.is_response()) return;
  auto failure = rpc::Exchange::failure(
      envelope, {Code::unavailable, stdx::format("control plane {} is not connected: {}",
                                                 ports::to_string(options_.endpoint), trouble_)});
  runtime_.executor.post(
      [this, alive = std::weak_ptr<bool>(alive_), failure = std::move(failure)]() mutable {
        if (!alive.expired() && on_envelope) on_envelope(std::move(failure));
      });
}

}  // namespace zmesh
