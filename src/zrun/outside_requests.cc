// SPDX-License-Identifier: Apache-2.0
#include "zrun/outside_requests.h"

#include <utility>

#include "model/trace_context.h"
#include "stdx/text.h"
#include "wire/data_frame.h"

namespace zrun {

using stdx::Code;
using namespace std::chrono_literals;

namespace {

constexpr stdx::Duration wait_default = 30s;

v1::SendReply reply_of(OutsideEnd end) {
  v1::SendReply reply;
  reply.set_outcome(end.answer ? "answered" : "handled");
  reply.set_repeated(end.repeated);
  if (end.answer) reply.set_answer(std::move(*end.answer));
  reply.set_traceparent(std::move(end.traceparent));
  return reply;
}

}  // namespace

bool OutsideRequests::are_taken_by(const model::Space& space, bool http) {
  if (space.type == model::SpaceType::ui) return false;
  return http ? !space.route.empty() : space.ingress;
}

stdx::Result<PlacedSpace*> OutsideRequests::asked_space(const v1::SendRequest& request) {
  const auto space = stdx::printable(request.to(), 80),
             name = stdx::printable(request.topology(), 80);
  auto* topology = parts_.spaces.topology(request.topology());
  auto* found =
      topology == nullptr ? nullptr : parts_.spaces.find({topology->id.value, request.to()});
  if (found == nullptr)
    return stdx::fail(
        Code::not_found,
        stdx::format("space '{}' of topology '{}' does not run on zhost '{}' now; try "
                     "again",
                     space, name, parts_.zhost));
  auto& placed = *found;
  // Of the version that comes, where the present one is closing: what is taken now goes there.
  const auto& spec = placed.next ? placed.next_text->spaces[static_cast<std::size_t>(
                                       topology->index_in(*placed.next_text, request.to()))]
                                 : placed.space->spec();
  if (!are_taken_by(spec, request.http()))
    return stdx::fail(
        Code::denied,
        request.http()
            ? stdx::format("space '{}' of topology '{}' answers no HTTP requests: its space.yaml "
                           "has no `http: {{route: ...}}`",
                           space, name)
            : stdx::format("space '{}' of topology '{}' takes no messages from outside: its "
                           "space.yaml does not say `ingress: true`",
                           space, name));
  const auto epoch = placed.next ? placed.next->header().epoch() : placed.space->id().epoch.value;
  const bool leaves = placed.space->state() == SpaceState::closing && !placed.next;
  if (epoch < request.epoch() || leaves || closing_ || !placed.space->takes_messages())
    return stdx::fail(Code::unavailable,
                      stdx::format("space '{}' of topology '{}' does not run now ({}); try again",
                                   space, name, to_string(placed.space->state())));
  return &placed;
}

void OutsideRequests::ask(const v1::SendRequest& request,
                          std::function<void(stdx::Result<v1::SendReply>)> done) {
  const auto found = asked_space(request);
  if (!found) return done(std::unexpected(found.error()));
  auto& space = *(*found)->space;
  const auto bytes = request.payload().size();
  if (bytes > wire::message_bytes_max)
    return done(stdx::fail(Code::invalid, stdx::format("the message has {} bytes; {} are allowed",
                                                       bytes, wire::message_bytes_max)));
  if (request.id().size() > OutsideCalls::id_bytes_max)
    return done(stdx::fail(Code::invalid, stdx::format("the id of a message has at most {} bytes",
                                                       OutsideCalls::id_bytes_max)));
  const auto now = parts_.runtime.clock.now();
  const stdx::Duration wait =
      request.timeout_ms() == 0 ? wait_default : std::chrono::milliseconds(request.timeout_ms());
  OutsideCalls::Asked asked{{space.id().key.topology.value, space.id().key.space},
                            request.id(),
                            request.wait() ? std::optional(now + wait) : std::nullopt,
                            [done](stdx::Result<OutsideEnd> end) {
                              if (!end) return done(std::unexpected(end.error()));
                              done(reply_of(std::move(*end)));
                            }};
  v1::SendReply accepted;
  accepted.set_outcome("accepted");
  const auto repeat = parts_.calls.repeat(asked, now);
  if (!repeat) return done(std::unexpected(repeat.error()));
  if (*repeat != OutsideCalls::Repeat::no) {
    accepted.set_repeated(true);
    if (*repeat == OutsideCalls::Repeat::waits && !request.wait()) done(std::move(accepted));
    return expire();
  }
  if (!space.has_room(bytes))
    return done(stdx::fail(Code::full, stdx::format("the mailbox of space '{}' is full; try again",
                                                    stdx::printable(request.to(), 80))));
  const auto number = parts_.calls.begin(std::move(asked), now);
  if (!number) return done(std::unexpected(number.error()));
  auto message = parts_.pool.make(request.payload());
  message->path = outside_path;
  message->call = message->seq = *number;
  message->http = request.http();
  auto trace = model::parse_traceparent(request.traceparent());
  if (!trace && parts_.tracer != nullptr) trace = parts_.tracer->begin_trace();
  if (trace) message->set_trace(*trace);
  space.deliver(std::move(message));
  if (!request.wait()) done(std::move(accepted));
  expire();
}

void OutsideRequests::send_along_path(const v1::SendRequest& request,
                                      std::function<void(stdx::Status)> done) {
  auto* topology = parts_.spaces.topology(request.topology());
  const int index = topology == nullptr ? -1 : topology->index_of(request.from());
  auto* space = index < 0 ? nullptr : topology->slots[static_cast<std::size_t>(index)].local;
  if (space == nullptr || !space->takes_messages())
    return done(stdx::fail(Code::not_found,
                           stdx::format("space '{}' of topology '{}' does not run on zhost '{}'",
                                        stdx::printable(request.from(), 80),
                                        stdx::printable(request.topology(), 80), parts_.zhost)));
  auto* path = space->path_named(request.path());
  if (path == nullptr)
    return done(stdx::fail(
        Code::denied,
        stdx::format("topology '{}' declares no path '{}' from space '{}'", topology->spec().name,
                     stdx::printable(request.path(), 80), space->spec().name)));
  if (request.payload().size() > wire::message_bytes_max)
    return done(stdx::fail(
        Code::invalid, stdx::format("a message has at most {} bytes", wire::message_bytes_max)));
  if (space->room_on(*path, request.payload().size()) != Space::Room::there)
    return done(
        stdx::fail(Code::full, stdx::format("path '{}' is full; try again", request.path())));
  space->emit_from_outside(*path, request.payload(),
                           model::parse_traceparent(request.traceparent()), std::move(done));
}

void OutsideRequests::fail(const LocalSpaces::Key& key, const stdx::Error& why, bool forget) {
  parts_.calls.fail_space(key, why, parts_.runtime.clock.now(), forget);
}

// Sets its timer for the next caller, or id, whose time is over.
void OutsideRequests::expire() {
  const auto now = parts_.runtime.clock.now();
  if (const auto at = parts_.calls.next_expiry(); at && *at <= now) parts_.calls.expire(now);
  const auto next = parts_.calls.next_expiry();
  if (!next) return timer_.cancel();
  timer_.set(*next - now, [this] { expire(); });
}

}  // namespace zrun
