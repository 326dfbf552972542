// SPDX-License-Identifier: Apache-2.0
// What operators read while nobody leads: this zrms answers from what it knew then, else the supers
// are asked, that which led last first. Only who asks for it (?known=1) gets it, and `away` in the
// answer says so: a client that follows a change must not take what was for what is.
#include <utility>

#include "wire/json.h"
#include "zrms/service.h"

namespace zrms {

using namespace std::chrono_literals;
using stdx::Code;

namespace {

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

bool asks_for_known(const ports::HttpRequest& request) {
  const auto at = request.query.find("known");
  return at != request.query.end() && at->second == "1";
}

}  // namespace

void Service::add_reader(const std::string& pattern, wire::HttpRouter::Handler handler) {
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

bool Service::knows_records() const {
  return leader_.has_read() && (!leads() || leader_.ready());
}

void Service::answer_known(const ports::HttpRequest& request, ports::HttpResponse failed,
                           ports::HttpReply reply) {
  if (answer_known_here(request, reply)) return;
  std::vector<std::string> supers;
  if (!members_.leader().empty()) supers.push_back(members_.leader());
  for (const auto& super : members_.supers())
    if (super != members_.leader()) supers.push_back(super);
  std::erase(supers, options_.zhost);
  ask_supers(request, std::move(supers), std::move(failed), std::move(reply));
}

bool Service::answer_known_here(const ports::HttpRequest& request, const ports::HttpReply& reply) {
  if (request.method != "GET") return false;
  if (request.path == "/v1/events") {
    if (!is_super()) return false;
    reply(list_events(request.query, away_sentence()));
    return true;
  }
  if (!asks_for_known(request) || !knows_records()) return false;
  known_.route(request, [reply, sentence = away_sentence()](ports::HttpResponse response) {
    reply(with_away(std::move(response), sentence));
  });
  return true;
}

// One after the other, the first one that knows.
void Service::ask_supers(const ports::HttpRequest& request, std::vector<std::string> supers,
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

std::string Service::away_sentence() const {
  const auto sentence = away_.sentence();
  return sentence.empty() ? not_leading().message : sentence;
}

}  // namespace zrms
