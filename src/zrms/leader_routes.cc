// SPDX-License-Identifier: Apache-2.0
#include "zrms/leader_routes.h"

#include <algorithm>
#include <utility>

#include "samoza/v1/api.pb.h"
#include "stdx/encoding.h"
#include "stdx/plant.h"
#include "stdx/text.h"
#include "wire/json.h"

namespace zrms {

using namespace std::chrono_literals;
using stdx::Code;

namespace {

constexpr stdx::Duration forward_timeout = 10s;
constexpr stdx::Duration super_timeout = 2s;

ports::HttpResponse with_away(ports::HttpResponse response, const std::string& sentence) {
  if (response.status != 200) {
    const auto error = wire::error_from_response(response);
    return wire::error_response({error.code, error.message + ". But " + sentence});
  }
  const auto rest = response.body.substr(1);
  // As JSON writes a text.
  v1::ServiceStatus text;
  text.set_away(sentence);
  const auto json = wire::to_json(text);
  const auto from = json.find("\"away\":");
  if (from == std::string::npos) return response;
  auto end = from + 8;  // behind the quotation mark that opens it
  while (end < json.size() && json[end] != '"') end += json[end] == '\\' ? 2 : 1;
  response.body =
      "{" + json.substr(from, end + 1 - from) + (rest.starts_with("}") ? "" : ",") + rest;
  return response;
}

v1::HttpForward forward_of(const ports::HttpRequest& request) {
  v1::HttpForward forward;
  forward.set_method(request.method);
  forward.set_path(request.path);
  for (const auto& [name, value] : request.query) {
    auto* pair = forward.add_query();
    pair->set_name(name);
    pair->set_value(value);
  }
  forward.set_body(request.body);
  if (const auto actor = request.headers.find(":actor"); actor != request.headers.end())
    forward.set_actor(actor->second);
  return forward;
}

bool asks_for_known(const ports::HttpRequest& request) {
  const auto at = request.query.find("known");
  return at != request.query.end() && at->second == "1";
}

}  // namespace

std::string query_value(const std::map<std::string, std::string>& query, const std::string& name) {
  const auto at = query.find(name);
  return at == query.end() ? std::string() : at->second;
}

stdx::Result<std::size_t> limit_of(const std::map<std::string, std::string>& query,
                                   std::size_t max) {
  const auto text = query_value(query, "limit");
  if (text.empty()) return max;
  const auto number = stdx::parse_u64(text);
  if (!number || *number == 0)
    return stdx::fail(Code::invalid, stdx::format("limit is '{}'; it must be a number of 1 or more",
                                                  stdx::printable(text, 40)));
  return static_cast<std::size_t>(std::min<std::uint64_t>(*number, max));
}

stdx::Result<v1::TopologyAction> topology_action(const ports::HttpRequest& request) {
  v1::TopologyAction asked;
  if (!request.body.empty()) TRY(wire::from_json(request.body, asked));
  return asked;
}

std::string actor_of(const ports::HttpRequest& request) {
  const auto at = request.headers.find(":actor");
  return at == request.headers.end() || at->second.empty() ? "an unknown caller" : at->second;
}

LeaderRoutes::LeaderRoutes(rpc::ServiceBus& zmesh, const Leadership& leadership,
                           const Leader& leader)
    : zmesh_(zmesh), leadership_(leadership), leader_(leader) {
  zmesh_.on("zrms.http", rpc::typed<v1::HttpForward, v1::HttpForwardReply>(
                             [this](const rpc::Caller&, v1::HttpForward asked, auto done) {
                               take_forwarded(std::move(asked), std::move(done));
                             }));
}

void LeaderRoutes::add(std::string_view method, std::string_view pattern, Handler handler) {
  router_.add(method, pattern, std::move(handler));
}

void LeaderRoutes::add_at_leader(std::string_view method, std::string_view pattern,
                                 Handler handler) {
  router_.add(method, pattern,
              [this, handler = std::move(handler)](wire::RouteMatch match, ports::HttpReply reply) {
                if (!forwarded(match.request, reply)) handler(std::move(match), std::move(reply));
              });
}

void LeaderRoutes::add_reader(const std::string& pattern, wire::HttpRouter::Handler handler) {
  known_.add("GET", pattern, handler);
  router_.add("GET", pattern,
              [this, handler = std::move(handler)](wire::RouteMatch match, ports::HttpReply reply) {
                const bool known = asks_for_known(match.request);
                const auto otherwise = [this, known, request = match.request,
                                        reply](ports::HttpResponse response) {
                  if (response.status < 500 || !known) return reply(std::move(response));
                  answer_known(request, std::move(response), reply);
                };
                if (!forwarded(match.request, otherwise))
                  handler(std::move(match), std::move(reply));
              });
}

bool LeaderRoutes::forwarded(const ports::HttpRequest& request, const ports::HttpReply& reply) {
  // What an earlier session of leadership left here may be older than what others wrote since (S5).
  if (leadership_.leads() && (leader_.ready() || PLANTED(S5_unread))) return false;
  // The zhost named as the leader may have started anew, and know nothing of it.
  const auto leader = leadership_.other_leader();
  if (leader.empty() || leadership_.records_behind()) {
    reply(wire::error_response(leadership_.not_leading()));
    return true;
  }
  const bool is_reading = request.method == "GET";
  const auto answered = [reply, leader, is_reading](stdx::Result<v1::HttpForwardReply> answer) {
    // A zrms that does not lead any more says so in its answer: this one gave none.
    if (!answer)
      return reply(wire::error_response(
          {answer.error().code,
           stdx::format(
               "zhost {}, which led the cluster, does not answer: {}; if it is gone "
               "another one takes over within seconds: {}",
               leader, answer.error().message,
               is_reading || answer.error().code == Code::unavailable
                   ? "try again then"
                   : "look then whether it was done, and say it again where it was not")}));
    reply({answer->status(), answer->content_type(), std::move(*answer->mutable_body()), {}});
  };
  zmesh_.request(rpc::address(leader, "zrms"), "zrms.http", forward_of(request).SerializeAsString(),
                 forward_timeout, rpc::expect<v1::HttpForwardReply>(answered));
  return true;
}

void LeaderRoutes::take_forwarded(v1::HttpForward asked,
                                  std::function<void(v1::HttpForwardReply)> done) {
  const auto answer = [done = std::move(done)](ports::HttpResponse response) {
    v1::HttpForwardReply reply;
    reply.set_status(response.status);
    reply.set_content_type(response.content_type);
    reply.set_body(std::move(response.body));
    done(std::move(reply));
  };
  ports::HttpRequest request;
  request.method = asked.method();
  request.path = asked.path();
  for (const auto& pair : asked.query()) request.query[pair.name()] = pair.value();
  request.body = std::move(*asked.mutable_body());
  request.headers[":actor"] = asked.actor();
  request.headers[":forwarded"] = "1";
  if (leadership_.leads()) return router_.route(std::move(request), answer);
  if (!answer_known_here(request, answer)) answer(wire::error_response(leadership_.not_leading()));
}

bool LeaderRoutes::knows_records() const {
  return leader_.has_read() && (!leadership_.leads() || leader_.ready());
}

void LeaderRoutes::answer_known(const ports::HttpRequest& request, ports::HttpResponse failed,
                                ports::HttpReply reply) {
  if (answer_known_here(request, reply)) return;
  std::vector<std::string> supers;
  if (!leadership_.members().leader().empty()) supers.push_back(leadership_.members().leader());
  for (const auto& super : leadership_.members().supers())
    if (super != leadership_.members().leader()) supers.push_back(super);
  std::erase(supers, leadership_.zhost());
  ask_supers(request, std::move(supers), std::move(failed), std::move(reply));
}

bool LeaderRoutes::answer_known_here(const ports::HttpRequest& request,
                                     const ports::HttpReply& reply) {
  if (request.method != "GET") return false;
  if (answer_away_ && answer_away_(request, reply)) return true;
  if (!asks_for_known(request) || !knows_records()) return false;
  known_.route(request,
               [reply, sentence = leadership_.away_sentence()](ports::HttpResponse response) {
                 reply(with_away(std::move(response), sentence));
               });
  return true;
}

// One after the other, the first one that knows.
void LeaderRoutes::ask_supers(const ports::HttpRequest& request, std::vector<std::string> supers,
                              ports::HttpResponse failed, ports::HttpReply reply) {
  if (supers.empty()) return reply(std::move(failed));
  const auto super = supers.front();
  supers.erase(supers.begin());
  const auto next = [this, request, supers, failed, reply,
                     alive = std::weak_ptr<bool>(alive_)](stdx::Result<v1::HttpForwardReply> got) {
    if (got && got->status() < 500)
      return reply({got->status(), got->content_type(), std::move(*got->mutable_body()), {}});
    if (!alive.expired()) ask_supers(request, supers, failed, reply);
  };
  zmesh_.request(rpc::address(super, "zrms"), "zrms.http", forward_of(request).SerializeAsString(),
                 super_timeout, rpc::expect<v1::HttpForwardReply>(next));
}

}  // namespace zrms
