// SPDX-License-Identifier: Apache-2.0
#include "zmesh/control_plane_link.h"

#include <algorithm>

#include "stdx/encoding.h"
#include "stdx/text.h"
#include "wire/frame.h"
#include "wire/json.h"

namespace zmesh {
namespace {

using namespace std::chrono_literals;
constexpr stdx::Duration back_off_min = 100ms;
constexpr stdx::Duration back_off_max = 5s;
constexpr stdx::Duration register_timeout = 3s;
constexpr stdx::Duration hello_timeout = 5s;

}  // namespace

using stdx::Code;

ControlPlaneLink::ControlPlaneLink(ports::Runtime& runtime, ports::Transport& transport,
                                   ports::HttpClient& http, ControlPlaneAddresses& at,
                                   Options options)
    : runtime_(runtime),
      transport_(transport),
      http_(http),
      at_(at),
      options_(std::move(options)),
      back_off_(back_off_min),
      retry_(runtime.executor) {}

ControlPlaneLink::~ControlPlaneLink() = default;

void ControlPlaneLink::start() {
  if (!std::exchange(started_, true)) connect();
}

void ControlPlaneLink::connect() {
  linked_to_ = at_.websocket();
  transport_.connect(linked_to_, [this, alive = std::weak_ptr<bool>(alive_)](
                                     stdx::Result<std::unique_ptr<ports::Link>> link) {
    if (alive.expired()) return;
    if (link) return attach(std::move(*link));
    // One that refuses us is there.
    if (link.error().code != Code::denied) at_.failed(linked_to_);
    not_connected(link.error().message);
    if (link.error().code == Code::denied && on_refused) on_refused();
  });
}

void ControlPlaneLink::not_connected(const std::string& why) {
  // Once for each reason: it is tried again every few seconds. At the start of a zhost that has the
  // control plane itself the first attempts come too early; that is no trouble.
  const auto now = runtime_.clock.now();
  if (why != trouble_) trouble_since_ = now;
  trouble_ = why;
  if (now - trouble_since_ >= quiet_max && why != warned_of_) {
    warned_of_ = why;
    runtime_.log.warn("control_plane_not_reached", {{"why", why}});
  }
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
  greeted_ = answered_ = false;
  link_->start({.on_frame = [this](stdx::Bytes frame) { receive(std::move(frame)); },
                .on_closed =
                    [this](const stdx::Error& why) {
                      const bool refused = !greeted_;
                      lost(why.message);
                      if (refused && on_refused) on_refused();
                    },
                .on_writable = {}});
  link_->send(wire::encode_frame(wire::FrameKind::hello, options_.hello));
  retry_.set(hello_timeout, [this] { lost("it does not answer a hello"); });
}

void ControlPlaneLink::greet(const stdx::Bytes& frame) {
  const auto kind = wire::frame_kind(frame);
  const auto hello = kind && *kind == wire::FrameKind::hello
                         ? wire::parse_frame<v1::Hello>(frame)
                         : stdx::fail(Code::invalid, "it says no hello");
  if (!hello) {
    // Posted: the link is in the middle of a call to us.
    retry_.set(stdx::Duration::zero(),
               [this, why = stdx::format("no link to the control plane {}: {}",
                                         ports::to_string(linked_to_), hello.error().message)] {
                 lost(why);
               });
    return;
  }
  nonce_ = hello->nonce();
  greeted_ = true;
  held_ = false;
  members_.begin_anew();
  retry_.cancel();
  register_zhost();
}

stdx::Result<v1::RegisterReply> ControlPlaneLink::check_reply(
    stdx::Result<ports::HttpResponse> response) {
  if (!response) return std::unexpected(response.error());
  if (response->status != 200) return std::unexpected(wire::error_from_response(*response));
  v1::RegisterReply reply;
  if (auto parsed = wire::from_json(response->body, reply); !parsed)
    return stdx::fail(Code::invalid, "the control plane's answer is not a RegisterReply: " +
                                         parsed.error().message);
  return reply;
}

void ControlPlaneLink::register_zhost() {
  answered_ = false;  // what comes meanwhile waits for the answer
  if (!ask_known) return send_registration();
  ask_known([this, nonce = nonce_,
             alive = std::weak_ptr<bool>(alive_)](std::optional<v1::RecordsKnown> known) {
    // Another link since then registers by itself.
    if (alive.expired() || !connected() || nonce != nonce_) return;
    if (known)
      *options_.registration.mutable_known() = *known;
    else
      options_.registration.clear_known();
    send_registration();
  });
}

void ControlPlaneLink::send_registration() {
  ports::HttpRequest request;
  request.method = "POST";
  request.path = "/v1/register";
  request.headers["content-type"] = "application/json";
  request.headers["samoza-link"] = stdx::hex_encode(nonce_);
  options_.registration.clear_revoked();
  if (revoked)
    for (auto& said : revoked()) options_.registration.add_revoked(std::move(said));
  request.body = wire::to_json(options_.registration);
  http_.request(ports::Endpoint::https(linked_to_.host, linked_to_.port), std::move(request),
                register_timeout,
                [this, nonce = nonce_,
                 alive = std::weak_ptr<bool>(alive_)](stdx::Result<ports::HttpResponse> response) {
                  // Another link since then registers by itself.
                  if (alive.expired() || !connected() || nonce != nonce_) return;
                  answered(check_reply(std::move(response)));
                });
}

void ControlPlaneLink::answered(stdx::Result<v1::RegisterReply> reply) {
  answered_ = true;
  // Only a good answer takes it back: a time-out says nothing of who else has this id.
  if (reply)
    stale_ = false;
  else if (reply.error().code == Code::stale)
    stale_ = true;
  registered_ = reply.has_value();
  trouble_ = reply ? "" : reply.error().message;
  if (reply) warned_of_.clear();
  if (!reply) {
    runtime_.log.warn("register_failed", {{"why", trouble_}});
    retry_later([this] {
      if (connected()) register_zhost();
    });
    if (!stale_ && std::exchange(held_, false)) publish();
    return;
  }
  back_off_ = back_off_min;
  runtime_.log.info("registered", {{"peers", reply->peers_size()}, {"leader", reply->leader()}});
  v1::MembersChanged members;
  *members.mutable_supers() = std::move(*reply->mutable_supers());
  *members.mutable_peers() = std::move(*reply->mutable_peers());
  members.set_leader(reply->leader());
  members.set_term(reply->term());
  *members.mutable_records() = reply->records();
  members.set_copies_detail(reply->copies_detail());
  *members.mutable_revoked_tokens() = std::move(*reply->mutable_revoked_tokens());
  members.set_sequence(reply->sequence());
  members.set_keys_generation(reply->keys_generation());
  // It takes another way than the events: a newer one may have come before it.
  if (members_.take(std::move(members)) == MemberList::Heard::news || held_) publish();
  held_ = false;
}

// The records of a control plane are those of a zhost that it has admitted. One that was refused
// must not take them for its own: it knows of what is not in them (P15), and would forget it.
void ControlPlaneLink::publish() {
  auto members = members_.list();
  if (!registered_) members.clear_records();
  if (on_members) on_members(std::move(members));
}

void ControlPlaneLink::heard(v1::MembersChanged members) {
  switch (members_.take(std::move(members))) {
    case MemberList::Heard::old:
      return;
    case MemberList::Heard::gap:
      if (on_gap) on_gap();
      return;
    case MemberList::Heard::news:
      break;
  }
  if (!answered_ || stale_)
    held_ = true;
  else
    publish();
}

void ControlPlaneLink::whole_list(v1::MembersChanged members) {
  if (members.base() == 0) heard(std::move(members));
}

void ControlPlaneLink::receive(stdx::Bytes frame) {
  if (!greeted_) return greet(frame);
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
    // What it refused a moment ago it may take now: its records are open again (P15).
    if (answered_ && !registered_ && !stale_ && retry_.pending()) {
      back_off_ = back_off_min;
      answered_ = false;
      retry_.set(stdx::Duration::zero(), [this] {
        if (connected()) register_zhost();
      });
    }
    if (members) heard(std::move(*members));
    return;
  }
  if (on_envelope) on_envelope(std::move(*envelope));
}

void ControlPlaneLink::lost(const std::string& why) {
  link_.reset();
  if (!greeted_) return not_connected(why);
  runtime_.log.warn("control_plane_lost", {{"why", why}});
  greeted_ = false;
  registered_ = false;
  trouble_ = why;
  back_off_ = back_off_min;
  retry_later([this] { connect(); });
}

void ControlPlaneLink::send(v1::Envelope envelope) {
  if (connected() && !stale_) {
    wire::send_envelope(*link_, envelope);
    return;
  }
  if (envelope.request_id() == 0 || envelope.is_response()) return;
  auto failure = rpc::RpcEndpoint::failure(
      envelope, {Code::unavailable, stdx::format("control plane {} does not serve this zhost: {}",
                                                 ports::to_string(linked_to_), trouble_)});
  runtime_.executor.post(
      [this, alive = std::weak_ptr<bool>(alive_), failure = std::move(failure)]() mutable {
        if (!alive.expired() && on_envelope) on_envelope(std::move(failure));
      });
}

}  // namespace zmesh
