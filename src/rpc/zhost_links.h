// SPDX-License-Identifier: Apache-2.0
#pragma once

// One link to each other zhost on a list: what peer links (zmesh) and data links (zrun) do alike.
// Of two zhosts the one with the smaller id dials. If it does not come within `patience`, the other
// one dials, too: one of them may be reached by nobody (NAT, a firewall). If both links come up,
// both sides keep the one that the smaller id dialled. Both sides are known by their certificates
// (Link::identity); then both say PeerHello with their incarnation, the accepting side only after a
// good one. A hello that names another zhost than the certificate, one that is not on the list, or
// an older incarnation than listed closes the link. A lost link is dialled again with a jittered
// back-off, as long as the zhost is listed. Links that are up outlive the certificates that they
// began with.
//
// Bounds: links_unknown_max connections that have not said a good hello, each for hello_timeout;
// the queue of a link by ports::Link; the log lines of refusals by LogRateLimiter. A peer that does
// not read loses its link, not our memory.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ports/runtime.h"
#include "ports/transport.h"
#include "rpc/log_rate_limiter.h"
#include "rpc/protocol_errors.h"
#include "samoza/v1/cluster.pb.h"
#include "wire/frame.h"

namespace rpc {

namespace v1 = samoza::v1;

class ZhostLinks {
 public:
  static constexpr std::size_t links_unknown_max = 64;
  static constexpr stdx::Duration hello_timeout = std::chrono::seconds(5);
  // So long the zhost with the larger id waits for the other one to dial.
  static constexpr stdx::Duration patience = std::chrono::seconds(1);
  // What was sent before a link came up has arrived after so long.
  static constexpr stdx::Duration settled_after = std::chrono::seconds(2);

  struct Options {
    v1::PeerHello self;
    ports::Endpoint listen;  // tcp or data
    // Other addresses that are listened on, at the same port.
    std::vector<std::string> more_listen{};
    wire::FrameKind hello = wire::FrameKind::peer_hello;
    ports::CertificateRole role = ports::CertificateRole::zhost;  // of both sides
    std::size_t writable_below = ports::LinkHandlers().writable_below;
    // Events of the log.
    const char* linked_event = "peer_linked";
    const char* lost_event = "peer_lost";
    const char* refused_event = "peer_refused";
    ports::Gauge& linked;
    ports::Counter& refused;
  };
  struct Peer {
    std::string address;
    std::uint16_t port = 0;
    std::uint64_t incarnation = 0;
    std::vector<std::string> more_addresses{};  // tried one after the other
  };

  ZhostLinks(ports::Runtime& runtime, ports::Transport& transport, Options options);
  ~ZhostLinks();

  std::function<void(const std::string& zhost, bool up)> on_link;
  std::function<void(const std::string& zhost, stdx::Bytes frame)> on_frame;
  // A link has less than writable_below queued again.
  std::function<void()> on_room;
  // Whether a caller that is not on the list may be on the next one: then it is no alarm. Unset:
  // no.
  std::function<bool()> may_be_listed_soon;

  stdx::Status start();
  // Keys of zhosts that were forgotten: their links end now, also those that have said no hello
  // yet, and none comes up by a certificate of such a key, however early it was shown.
  void set_revoked(std::vector<ports::Trust::Revoked> revoked);
  // Dials those that are new on the list, closes the links to those that are not on it.
  void set_peers(const std::map<std::string, Peer>& listed);

  // False: there is no link, or more than `queued_max` bytes wait in it.
  bool send(const std::string& zhost, stdx::Bytes frame,
            std::size_t queued_max = ports::Link::queue_bytes_max,
            ports::Urgency urgency = ports::Urgency::normal);
  bool linked(const std::string& zhost) const;
  // Something of that zhost came through a third one, so it has no link to this one: what is left
  // of it here leads nowhere, and is closed.
  void came_around(const std::string& zhost);
  std::size_t size() const;

 private:
  struct Entry {
    Peer peer;
    std::unique_ptr<ports::Link> link;
    std::uint64_t linked_incarnation = 0;
    bool by_smaller = false;  // that dialled `link`
    stdx::Instant up_since{};
    bool dialling = false;
    bool waited = false;    // for the other one to dial, as far as patience goes
    std::size_t tries = 0;  // which address is dialled next
    stdx::Duration back_off{};
    std::unique_ptr<ports::Timer> retry;
  };
  struct Unknown {
    std::unique_ptr<ports::Link> link;
    std::string dialled;  // the zhost that we dialled; empty for an accepted link
    // Empty until its hello was good; the handlers of the link read it.
    std::shared_ptr<std::string> zhost;
    std::unique_ptr<ports::Timer> timeout;
  };

  void dial(const std::string& zhost);
  void dial_later(const std::string& zhost);
  void dial_again(const std::string& zhost);
  void adopt(std::unique_ptr<ports::Link> link, std::string dialled);
  ports::LinkHandlers handlers_of(std::uint64_t id, const std::shared_ptr<std::string>& zhost);
  void say_hello(ports::Link& link);
  stdx::Result<v1::PeerHello> check_hello(const Unknown& unknown, stdx::BytesView frame) const;
  void take_hello(std::uint64_t id, const stdx::Bytes& frame);
  void refuse(std::uint64_t id, const stdx::Error& why);
  void complain(const std::string& peer, const stdx::Error& why);
  void drop_unknown(std::uint64_t id, const std::string& why);
  void link_up(const std::string& zhost, std::unique_ptr<ports::Link> link,
               std::uint64_t incarnation, bool by_smaller);
  void link_lost(const std::string& zhost, const std::string& why);

  ports::Runtime& runtime_;
  ProtocolErrors protocol_errors_{runtime_};
  ports::Transport& transport_;
  Options options_;
  LogRateLimiter refusals_;
  std::vector<std::unique_ptr<ports::Listener>> listeners_;
  std::map<std::string, Entry> peers_;
  std::vector<ports::Trust::Revoked> revoked_;
  std::map<std::uint64_t, Unknown> unknown_;
  std::uint64_t next_unknown_ = 1;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rpc
