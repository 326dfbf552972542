// SPDX-License-Identifier: Apache-2.0
#include "zmesh/doorway.h"

#include <algorithm>

#include "stdx/near_miss.h"
#include "stdx/text.h"

namespace zmesh {

using namespace std::chrono_literals;
using stdx::Code;

namespace {

constexpr stdx::Duration take_timeout = 10s;  // without an answer of the space
constexpr stdx::Duration way_back = 3s;       // behind the time that the caller waits

stdx::Status check(const v1::SendRequest& request) {
  const auto bad = [](std::string why) { return stdx::fail(Code::invalid, std::move(why)); };
  if (request.to().empty() == request.from().empty())
    return bad(
        "say either to which space the message goes (`to`), or the space it comes from and the "
        "path (`from`, `path`)");
  if (!request.text().empty() && !request.payload().empty())
    return bad("say the message as `text` or, in base64, as `payload`, not as both");
  if (!request.from().empty() && (request.wait() || !request.id().empty()))
    return bad("`wait` and `id` are for messages from outside (`to`), not for those along a path");
  if (request.timeout_ms() > stdx::to_ms(Doorway::wait_max))
    return bad(stdx::format("timeout_ms is {}; at most {} are waited", request.timeout_ms(),
                            stdx::to_ms(Doorway::wait_max)));
  if (request.topology().empty()) return bad("`topology` is missing: its name or id");
  return {};
}

stdx::Duration timeout_of(const v1::SendRequest& request) {
  if (!request.wait()) return take_timeout;
  return request.timeout_ms() == 0 ? Doorway::wait_default + way_back
                                   : std::chrono::milliseconds(request.timeout_ms()) + way_back;
}

}  // namespace

void Doorway::send(v1::SendRequest request, Done done) {
  if (auto good = check(request); !good) return done(std::unexpected(good.error()));
  if (!request.text().empty()) request.set_payload(std::exchange(*request.mutable_text(), {}));
  request.clear_http();
  request.clear_epoch();
  const bool along_path = request.to().empty();
  const auto* entry = directory_.find_door(request.topology(), request.to());
  if (entry != nullptr) return ask(*entry, std::move(request), std::move(done));
  // The zruns that have a space of that name know the names of their topologies.
  auto zhosts = zhosts_of(request.topology(), along_path ? request.from() : request.to());
  auto unknown = unknown_space(request, zhosts.size());
  try_each(std::move(request), along_path ? "zrun.emit" : "zrun.ask", std::move(zhosts),
           [done = std::move(done), unknown](stdx::Result<v1::SendReply> reply) {
             if (reply || reply.error().code != Code::not_found) return done(std::move(reply));
             done(std::unexpected(unknown));
           });
}

void Doorway::send_http(const v1::DirectoryEntry& space, stdx::Bytes message,
                        std::string traceparent, Done done) {
  v1::SendRequest request;
  request.set_topology(space.topology());
  request.set_to(space.space());
  request.set_payload(std::move(message));
  request.set_wait(true);
  request.set_http(true);
  request.set_traceparent(std::move(traceparent));
  ask(space, std::move(request), std::move(done));
}

void Doorway::ask(const v1::DirectoryEntry& entry, v1::SendRequest request, Done done) {
  const auto space = stdx::printable(request.to(), 80),
             topology = stdx::printable(request.topology(), 80);
  if (!request.http() && !entry.ingress())
    return done(
        stdx::fail(Code::denied,
                   stdx::format("space '{}' of topology '{}' takes no messages from outside: its "
                                "space.yaml does not say `ingress: true`",
                                space, topology)));
  if (entry.zhost().empty())
    return done(stdx::fail(
        Code::unavailable,
        stdx::format("space '{}' of topology '{}' does not run now; try again", space, topology)));
  request.set_topology(entry.topology_id());
  request.set_epoch(entry.epoch());
  const auto where = entry.zhost();
  this->request(
      where, "zrun.ask", request,
      [done = std::move(done), space, topology, where](stdx::Result<v1::SendReply> reply) {
        // It has left that zhost, or is not there yet.
        if (!reply && reply.error().code == Code::not_found) reply.error().code = Code::unavailable;
        if (!reply && reply.error().code == Code::unavailable)
          reply.error().message = stdx::format("space '{}' of topology '{}' does not run now: {}",
                                               space, topology, reply.error().message);
        done(std::move(reply));
      });
}

// One after the other, until one knows the space; there is at least one.
void Doorway::try_each(v1::SendRequest request, const char* method, std::vector<std::string> zhosts,
                       Done done) {
  const auto zhost = zhosts.front();
  zhosts.erase(zhosts.begin());
  this->request(zhost, method, request,
                [this, request, method, zhosts = std::move(zhosts),
                 done = std::move(done)](stdx::Result<v1::SendReply> reply) mutable {
                  if (reply || reply.error().code != Code::not_found || zhosts.empty())
                    return done(std::move(reply));
                  try_each(std::move(request), method, std::move(zhosts), std::move(done));
                });
}

void Doorway::request(const std::string& zhost, const char* method, const v1::SendRequest& request,
                      Done done) {
  const auto timeout = timeout_of(request);
  auto late = stdx::format(
      "space '{}' has not answered within {}; it may have the message, and may still handle it: to "
      "hear of it, send it again with the same id",
      stdx::printable(request.to(), 80),
      stdx::format_duration(request.wait() ? timeout - way_back : timeout));
  if (request.to().empty())
    late = stdx::format("zhost '{}' has not answered within {}; the message may be on its path",
                        zhost.empty() ? self_ : zhost, stdx::format_duration(timeout));
  endpoint_.request(rpc::address(zhost == self_ ? "" : zhost, "zrun"), method,
                    request.SerializeAsString(), timeout,
                    rpc::expect<v1::SendReply>([done = std::move(done), late = std::move(late)](
                                                   stdx::Result<v1::SendReply> reply) {
                      if (!reply && reply.error().code == Code::timeout)
                        reply.error().message = late;
                      done(std::move(reply));
                    }));
}

// Where spaces of that name are, this zhost first. `topology` is an id, a name, or empty: any.
std::vector<std::string> Doorway::zhosts_of(const std::string& topology,
                                            const std::string& space) const {
  std::vector<std::string> zhosts;
  if (const auto* entry = directory_.find_door(topology, space)) return {entry->zhost()};
  for (const auto& entry : directory_.named(space)) {
    const bool there = std::find(zhosts.begin(), zhosts.end(), entry.zhost()) != zhosts.end();
    if (!there && !entry.zhost().empty()) zhosts.push_back(entry.zhost());
  }
  // A zmesh that started just now knows no directory yet, and its zrun has its spaces all the same.
  std::erase(zhosts, self_);
  zhosts.insert(zhosts.begin(), self_);
  if (zhosts.size() > zhosts_asked_max) zhosts.resize(zhosts_asked_max);
  return zhosts;
}

stdx::Error Doorway::unknown_space(const v1::SendRequest& request, std::size_t asked) const {
  const auto topology = stdx::printable(request.topology(), 80);
  if (request.to().empty())
    return {
        Code::not_found,
        stdx::format("space '{}' of topology '{}' runs on none of the {} zhosts that were asked; "
                     "`mesh spaces` shows where spaces are",
                     stdx::printable(request.from(), 80), topology, asked)};
  // By the space's name alone where the topology is right: else its letters count as alike.
  stdx::NearMiss whole(request.topology() + "/" + request.to()), space(request.to());
  bool is_known = false;
  for (const auto& [name, id] : directory_.doors()) {
    whole.consider(name.first + "/" + name.second);
    if (name.first != request.topology()) continue;
    is_known = true;
    space.consider(name.second);
  }
  const auto hint = !is_known               ? whole.hint()
                    : space.found().empty() ? ""
                                            : stdx::format("; did you mean '{}/{}'?", topology,
                                                           stdx::printable(space.found(), 80));
  return {Code::not_found, stdx::format("no space '{}' of a topology '{}' is known{}",
                                        stdx::printable(request.to(), 80), topology, hint)};
}

}  // namespace zmesh
