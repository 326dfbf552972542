// SPDX-License-Identifier: Apache-2.0
#pragma once

// Data links: one TCP connection to the zrun of each zhost that shares a topology with this one, by
// the list that zmesh gives (zrun.peers). Of two zhosts the one with the smaller id dials. A link
// lives on while zmesh is away; it is closed when zmesh names its zhost no more, or a newer
// incarnation of it. Both sides say PeerHello and prove the join token (rpc/handshake.h); who
// accepts answers only a hello that was good.
//
// Bounds: unknown_max connections that have not proved the token, each for hello_timeout; the log
// lines of refusals by rpc::LogGate.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "ports/cluster_key.h"
#include "ports/runtime.h"
#include "ports/transport.h"
#include "rpc/handshake.h"
#include "rpc/link_complaints.h"
#include "rpc/log_gate.h"
#include "samoza/v1/cluster.pb.h"

namespace zrun {

namespace v1 = samoza::v1;

class DataLinks {
 public:
  // Past this a link takes no more frames until it drained: the streams wait.
  static constexpr std::size_t queue_bytes_soft = 1u << 20;
  static constexpr std::size_t unknown_max = 64;

  static constexpr stdx::Duration hello_timeout = std::chrono::seconds(5);
  // Who is not listed here so long after he was first refused, with no newer list, is worth a
  // warning. Raising it hides a stranger for longer; lowering it gives false alarms at a return.
  static constexpr stdx::Duration list_delay_max = std::chrono::seconds(10);

  DataLinks(ports::Runtime& runtime, ports::Transport& transport, ports::ClusterKey& key,
            v1::PeerHello self);

  std::function<void(const std::string& zhost, stdx::Bytes frame)> on_frame;
  // A link came up, went, or has room again.
  std::function<void(const std::string& zhost)> on_link_changed;
  // A link whose queue was full has room again: what `send` refused may be sent now.
  std::function<void()> on_room;

  stdx::Status listen(const ports::Endpoint& at);
  void set_peers(const v1::PeersUpdate& update);
  // False: no link, or it is full.
  bool send(const std::string& zhost, stdx::Bytes frame);
  bool linked(const std::string& zhost) const;
  std::size_t size() const;

 private:
  struct Peer {
    v1::DataPeer where;
    std::unique_ptr<ports::Link> link;
    std::unique_ptr<ports::Timer> retry;
    bool dialling = false;
  };
  void dial(const std::string& zhost);
  void dial_later(const std::string& zhost);
  void adopt(std::unique_ptr<ports::Link> link, std::string dialled);
  void drop_unknown(std::uint64_t id);
  void lost(const std::string& zhost);

  struct Unknown {
    std::unique_ptr<ports::Link> link;
    std::shared_ptr<std::string> zhost;  // empty until the token was proved
    std::string dialled;
    std::unique_ptr<ports::Timer> timeout;
    std::unique_ptr<rpc::Handshake> handshake;
  };
  stdx::Status say_hello(Unknown& unknown);
  void handshake(std::uint64_t id, const stdx::Bytes& frame);
  stdx::Result<bool> handshake_step(Unknown& unknown, const stdx::Bytes& frame);
  stdx::Result<v1::PeerHello> check_hello(const Unknown& unknown) const;
  bool list_may_come();
  void refuse(std::uint64_t id, const stdx::Error& why);

  ports::Runtime& runtime_;
  rpc::LinkComplaints complaints_{runtime_};
  ports::Transport& transport_;
  ports::ClusterKey& key_;
  v1::PeerHello self_;
  ports::Endpoint at_;  // where we listen
  rpc::LogGate refusals_;
  std::unique_ptr<ports::Listener> listener_;
  std::map<std::string, Peer> peers_;
  std::map<std::uint64_t, Unknown> unknown_;
  std::uint64_t next_unknown_ = 1;
  std::optional<stdx::Instant> unlisted_since_;  // the first refused for that since the last list
  ports::Gauge& links_gauge_;
  ports::Counter& refused_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zrun
