// SPDX-License-Identifier: Apache-2.0
#pragma once

// The links of zhosts to the control plane: takes WebSockets in, checks the certificate and the
// Hello of each, passes envelopes on, and sends to a zhost over its link. A zmesh speaks for the
// services of its own zhost only.
//
// Of two links of one zhost id the one whose registration was admitted last has the zhost's answers
// and announcements: one that is refused, say because two zhosts have the id, must not take them
// from the other.
//
// Bounds: links_max links, of them unproved_max that have not said their hello (of one zhost
// unproved_of_one_max, the oldest leaves), each for hello_timeout; one more is closed and counted.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "controlplane/authority.h"
#include "ports/http.h"
#include "ports/runtime.h"
#include "ports/transport.h"
#include "rpc/log_rate_limiter.h"
#include "rpc/protocol_errors.h"
#include "samoza/v1/envelope.pb.h"

namespace controlplane {

class MemberLinks {
 public:
  using LinkId = std::uint64_t;  // 0: none
  static constexpr std::size_t links_max = 1024;
  static constexpr std::size_t unproved_max = 256;
  static constexpr std::size_t unproved_of_one_max = 8;
  static constexpr stdx::Duration hello_timeout = std::chrono::seconds(5);

  // `version`: of this control plane, for its Hello.
  MemberLinks(ports::Runtime& runtime, const Authority& authority, std::string version);

  // An envelope of the zhost that it says it is from.
  std::function<void(v1::Envelope)> on_envelope;
  // The zhost has one link more, which `chosen` says whether it is the one that send() uses, or one
  // less.
  std::function<void(const std::string& zhost, bool chosen)> on_link_up;
  std::function<void(const std::string& zhost)> on_link_down;

  void accept(std::unique_ptr<ports::Link> link);
  // The answer to a request for a WebSocket that shows no certificate of a zhost, given before it
  // is a link, so that strangers take none of the places. Nothing: it may become one.
  std::optional<ports::HttpResponse> refuse_websocket(const ports::HttpRequest& head);

  // To its zhost; dropped if that has no link, as it asks again.
  void send(v1::Envelope envelope);

  // The link of `zhost` whose Hello named this nonce, in hex.
  stdx::Result<LinkId> find(const std::string& zhost, const std::string& nonce) const;
  // The registration over this link was admitted: what goes to its zhost goes here.
  void admitted(LinkId link);
  // The zhost is registered by another link than this one.
  bool is_connected_elsewhere(const std::string& zhost, LinkId link) const;

  bool has(const std::string& zhost) const { return chosen_.contains(zhost); }
  std::set<std::string> zhosts() const;
  // What the zhost's link showed; Code::unavailable: it has none.
  stdx::Result<ports::Identity> identity(const std::string& zhost) const;
  // The number of the announcement that the zhost's link was sent last, 0: none. It has a link.
  std::uint64_t& announced(const std::string& zhost) {
    return connections_.at(chosen_.at(zhost)).announced;
  }

  // Ends links whose certificate is not good any more, also those that have not said their hello.
  void drop_revoked();

 private:
  struct Connection {
    std::unique_ptr<ports::Link> link;
    std::string zhost;  // empty until its hello came
    stdx::Bytes nonce;  // of our hello: the name of the link in a registration
    bool admitted = false;
    std::uint64_t announced = 0;
    std::unique_ptr<ports::Timer> timeout;
  };

  void make_room_for(const std::string& zhost);
  void receive(LinkId id, stdx::Bytes frame);
  stdx::Result<v1::Hello> check_hello(const Connection& connection, stdx::BytesView frame) const;
  void refuse(LinkId id, const stdx::Error& why);
  void not_proved(const std::string& peer, const stdx::Error& why);
  void link_up(LinkId id, const std::string& zhost);
  void drop_later(LinkId id);
  void drop(LinkId id);

  ports::Runtime& runtime_;
  const Authority& authority_;
  std::string version_;
  rpc::ProtocolErrors protocol_errors_{runtime_};
  rpc::LogRateLimiter refusals_;
  std::map<LinkId, Connection> connections_;
  std::map<std::string, LinkId> chosen_;  // by zhost: the link that send() uses
  LinkId next_id_ = 1;
  std::size_t unproved_ = 0;
  ports::Counter& refused_links_;
  ports::Counter& unproved_links_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace controlplane
