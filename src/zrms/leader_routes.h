// SPDX-License-Identifier: Apache-2.0
#pragma once

// The HTTP routes of a zrms. Every zrms answers the same: what only the leader knows is asked of
// the leader's zrms (`zrms.http`). While nobody leads, a reader that asks for it (?known=1) is
// answered from what this zrms, or a super, knew then; `away` in the answer says so, because a
// client that follows a change must not take old state for the present one.
//
// Not thread-safe: it belongs to the loop of its zrms.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ports/http.h"
#include "rpc/service_bus.h"
#include "samoza/v1/api.pb.h"
#include "wire/http_router.h"
#include "zrms/leader.h"
#include "zrms/leadership.h"

namespace zrms {

class LeaderRoutes {
 public:
  using Handler = wire::HttpRouter::Handler;

  // Takes `zrms.http` of the bus. All outlive it.
  LeaderRoutes(rpc::ServiceBus& zmesh, const Leadership& leadership, const Leader& leader);

  // Answered by the zrms that was asked.
  void add(std::string_view method, std::string_view pattern, Handler handler);
  // Answered by the leader's zrms.
  void add_at_leader(std::string_view method, std::string_view pattern, Handler handler);
  // GET, answered by the leader's zrms, or of what was known.
  void add_reader(const std::string& pattern, Handler handler);
  // GET requests that a zrms without a leader answers whether or not they have ?known=1. False: it
  // is none of them, or nothing is known of it here.
  using AnswerAway = std::function<bool(const ports::HttpRequest&, const ports::HttpReply&)>;
  void set_answer_away(AnswerAway answer) { answer_away_ = std::move(answer); }

  void route(ports::HttpRequest request, ports::HttpReply reply) const {
    router_.route(std::move(request), std::move(reply));
  }
  std::vector<std::string> routes() const { return router_.routes(); }

  // For handlers of `add` that need the leader for a part. True: the leader was asked, or the
  // reason why there is none was given; `reply` has the answer.
  bool forwarded(const ports::HttpRequest& request, const ports::HttpReply& reply);
  // From what was known here or at a super; `failed` is the answer where nobody knows.
  void answer_known(const ports::HttpRequest& request, ports::HttpResponse failed,
                    ports::HttpReply reply);

 private:
  void take_forwarded(v1::HttpForward asked, std::function<void(v1::HttpForwardReply)> done);
  bool answer_known_here(const ports::HttpRequest& request, const ports::HttpReply& reply);
  void ask_supers(const ports::HttpRequest& request, std::vector<std::string> supers,
                  ports::HttpResponse failed, ports::HttpReply reply);
  bool knows_records() const;

  rpc::ServiceBus& zmesh_;
  const Leadership& leadership_;
  const Leader& leader_;
  wire::HttpRouter router_;
  wire::HttpRouter known_;  // the readers, which work without a leader
  AnswerAway answer_away_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// A value of a request's query; empty where it is not there.
std::string query_value(const std::map<std::string, std::string>& query, const std::string& name);
// `limit` of a query: a number from 1, cut at `max`, which is also what its absence means.
stdx::Result<std::size_t> limit_of(const std::map<std::string, std::string>& query,
                                   std::size_t max);
// The body of POST /v1/topologies/{id}/<action>; an empty one asks for nothing in particular.
stdx::Result<v1::TopologyAction> topology_action(const ports::HttpRequest& request);
// Who sent a request, as the server's access check noted it: "operator token", a token's id.
std::string actor_of(const ports::HttpRequest& request);

}  // namespace zrms
