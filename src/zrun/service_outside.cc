// SPDX-License-Identifier: Apache-2.0
// Messages from outside (zrun.ask): into the mailbox of a space here that says it takes them, and
// what came of them back to those that wait (zrun/outside_calls.h).
#include "stdx/text.h"
#include "wire/data_frame.h"
#include "zrun/service.h"

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

bool Service::takes_from_outside(const model::Space& space, bool http) {
  if (space.type == model::SpaceType::ui) return false;
  return http ? !space.route.empty() : space.ingress;
}

stdx::Result<Service::Placed*> Service::asked_space(const v1::SendRequest& request) {
  const auto space = stdx::printable(request.to(), 80),
             name = stdx::printable(request.topology(), 80);
  auto* topology = find_topology(request.topology());
  const auto at =
      topology == nullptr ? placed_.end() : placed_.find({topology->id.value, request.to()});
  if (at == placed_.end())
    return stdx::fail(
        Code::not_found,
        stdx::format("space '{}' of topology '{}' does not run on zhost '{}' now; try "
                     "again",
                     space, name, options_.zhost));
  auto& placed = at->second;
  // Of the version that comes, where the present one is closing: what is taken now goes there.
  const auto& spec = placed.next ? placed.next_text->spaces[static_cast<std::size_t>(
                                       topology->index_in(*placed.next_text, request.to()))]
                                 : placed.space->spec();
  if (!takes_from_outside(spec, request.http()))
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

void Service::ask(const v1::SendRequest& request,
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
  const auto now = runtime_.clock.now();
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
  const auto repeat = outside_calls_.repeat(asked, now);
  if (!repeat) return done(std::unexpected(repeat.error()));
  if (*repeat != OutsideCalls::Repeat::no) {
    accepted.set_repeated(true);
    if (*repeat == OutsideCalls::Repeat::waits && !request.wait()) done(std::move(accepted));
    return expire_callers();
  }
  if (!space.has_room(bytes))
    return done(stdx::fail(Code::full, stdx::format("the mailbox of space '{}' is full; try again",
                                                    stdx::printable(request.to(), 80))));
  const auto number = outside_calls_.begin(std::move(asked), now);
  if (!number) return done(std::unexpected(number.error()));
  auto message = pool_.make(request.payload());
  message->path = outside_path;
  message->call = message->seq = *number;
  message->http = request.http();
  auto trace = model::parse_traceparent(request.traceparent());
  if (!trace && tracer_) trace = tracer_->begin_trace();
  if (trace) message->set_trace(*trace);
  space.deliver(std::move(message));
  if (!request.wait()) done(std::move(accepted));
  expire_callers();
}

void Service::fail_callers(const Key& key, const stdx::Error& why, bool forget) {
  outside_calls_.fail_space(key, why, runtime_.clock.now(), forget);
}

// Sets its timer for the next caller, or id, whose time is over.
void Service::expire_callers() {
  const auto now = runtime_.clock.now();
  if (const auto at = outside_calls_.next_expiry(); at && *at <= now) outside_calls_.expire(now);
  const auto next = outside_calls_.next_expiry();
  if (!next) return callers_timer_.cancel();
  callers_timer_.set(*next - now, [this] { expire_callers(); });
}

}  // namespace zrun
