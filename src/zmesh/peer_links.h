// SPDX-License-Identifier: Apache-2.0
#pragma once

// One link to each other zhost of the cluster. Of two zhosts the one with the smaller id dials;
// both say PeerHello first and prove the join token (rpc/handshake.h); who accepts answers only a
// hello that was good. A hello of another cluster, of a zhost that is no member, of an older
// incarnation than the members list shows, or for another address than ours closes the link, and so
// does what proves nothing. A lost link is dialled again with a jittered back-off of 50 ms to 2 s,
// as long as the peer is a member.
//
// Bounds: links_unknown_max connections that have not proved the token, each for hello_timeout; the
// queue of a link by ports::Link; the log lines of refusals by rpc::LogGate. A peer that does not
// read loses its link, not our memory.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "ports/cluster_key.h"
#include "ports/runtime.h"
#include "ports/transport.h"
#include "rpc/handshake.h"
#include "rpc/link_complaints.h"
#include "rpc/log_gate.h"
#include "samoza/v1/cluster.pb.h"
#include "samoza/v1/controlplane.pb.h"

namespace zmesh {

namespace v1 = samoza::v1;

class PeerLinks {
 public:
  static constexpr std::size_t links_unknown_max = 64;
  static constexpr stdx::Duration hello_timeout = std::chrono::seconds(5);

  struct Options {
    v1::PeerHello self;
    ports::Endpoint listen;  // tcp
  };

  PeerLinks(ports::Runtime& runtime, ports::Transport& transport, ports::ClusterKey& key,
            Options options);
  ~PeerLinks();

  std::function<void(const std::string& peer, bool up)> on_link;
  std::function<void(const std::string& peer, stdx::Bytes frame)> on_frame;

  stdx::Status start();
  // Dials new members, forgets links to those that are none any more.
  void set_members(const std::vector<v1::Member>& members);

  // False when there is no link to `peer`.
  bool send(const std::string& peer, stdx::Bytes frame);
  // The same for frames that may be refused under load: false past half of the link's queue.
  bool send_if_room(const std::string& peer, stdx::Bytes frame);
  bool linked(const std::string& peer) const;
  std::size_t size() const;
  const v1::Member* member(const std::string& zhost) const;

 private:
  struct Peer {
    v1::Member member;
    std::unique_ptr<ports::Link> link;
    std::uint64_t linked_incarnation = 0;
    bool dialling = false;
    stdx::Duration back_off{};
    std::unique_ptr<ports::Timer> retry;
  };
  struct Unknown {
    std::unique_ptr<ports::Link> link;
    std::string dialled;  // the peer we dialled; empty for an accepted link
    // Empty until the token was proved; the handlers of the link read it.
    std::shared_ptr<std::string> peer;
    std::unique_ptr<rpc::Handshake> handshake;
    std::unique_ptr<ports::Timer> timeout;
  };

  void dial(const std::string& peer);
  void dial_later(const std::string& peer);
  void await_hello(std::unique_ptr<ports::Link> link, std::string dialled);
  stdx::Status say_hello(Unknown& unknown);
  void handshake(std::uint64_t id, const stdx::Bytes& frame);
  stdx::Result<bool> handshake_step(Unknown& unknown, const stdx::Bytes& frame);
  void refuse(std::uint64_t id, const stdx::Error& why);
  void drop_unknown(std::uint64_t id, const std::string& why);
  void link_up(const std::string& peer, std::unique_ptr<ports::Link> link,
               std::uint64_t incarnation);
  void link_lost(const std::string& peer, const std::string& why);
  stdx::Result<v1::PeerHello> check_hello(const Unknown& unknown) const;

  ports::Runtime& runtime_;
  rpc::LinkComplaints complaints_{runtime_};
  ports::Transport& transport_;
  ports::ClusterKey& key_;
  rpc::LogGate refusals_;
  Options options_;
  std::unique_ptr<ports::Listener> listener_;
  std::map<std::string, Peer> peers_;
  std::map<std::uint64_t, Unknown> unknown_;
  std::uint64_t next_unknown_ = 1;
  ports::Gauge& linked_gauge_;
  ports::Counter& refused_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zmesh
