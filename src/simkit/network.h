// SPDX-License-Identifier: Apache-2.0
#pragma once

// The virtual network: ports::Transport for each Process, with faults between zhosts.
//
// Links are reliable and ordered; between zhosts they take `latency`, wait while the way is cut
// (as TCP retransmits) and break when it stays cut for `link_timeout`, or when a process ends.
// Datagrams are lost, doubled, delayed and overtaken as told. Inside a zhost nothing is lost.

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>

#include "ports/transport.h"
#include "simkit/process.h"
#include "simkit/stub_identity.h"

namespace simkit {

struct NetworkFaults {
  stdx::Duration latency_min = std::chrono::microseconds(100);
  stdx::Duration latency_max = std::chrono::microseconds(400);
  std::uint32_t loss_per_mille = 0;       // datagrams
  std::uint32_t duplicate_per_mille = 0;  // datagrams
  std::uint32_t reorder_per_mille = 0;    // datagrams held back up to `reorder_max`
  stdx::Duration reorder_max = std::chrono::milliseconds(50);
  static constexpr stdx::Duration link_timeout_default = std::chrono::milliseconds(2500);
  stdx::Duration link_timeout = link_timeout_default;
  // How fast a link carries bytes: what is sent faster waits in its queue, and a send past
  // ports::Link::queue_bytes_max closes the link, as in a process.
  std::uint64_t bytes_per_second = 100'000'000;          // between zhosts
  std::uint64_t local_bytes_per_second = 1'000'000'000;  // inside one
};

class Network {
 public:
  explicit Network(World& world) : world_(world) {}

  NetworkFaults faults;

  // Which zhost answers at an address ("127.0.0.1" -> "zhost-1"); the control plane's machine too.
  void add_address(std::string ip, std::string zhost) {
    zhost_of_[std::move(ip)] = std::move(zhost);
  }
  // One direction of the way between two zhosts.
  void cut(const std::string& from, const std::string& to) { cuts_.insert({from, to}); }
  void heal(const std::string& from, const std::string& to) { cuts_.erase({from, to}); }
  // Links of the processes of that name between two zhosts, as where one of several ways between
  // them is broken: other links, and datagrams, pass.
  void stall(const std::string& a, const std::string& b, const std::string& name) {
    stalls_.insert({std::min(a, b), std::max(a, b), name});
  }
  void unstall(const std::string& a, const std::string& b, const std::string& name) {
    stalls_.erase({std::min(a, b), std::max(a, b), name});
  }
  bool is_stalled(const std::string& a, const std::string& b, const std::string& name) const {
    return !stalls_.empty() && stalls_.contains({std::min(a, b), std::max(a, b), name});
  }
  void heal_all() {
    cuts_.clear();
    stalls_.clear();
  }
  bool is_cut(const std::string& from, const std::string& to) const {
    return cuts_.contains({from, to});
  }

  // The transport of `process`; must not outlive it. Destroy it (and all links) to kill the
  // process. `identity`: what its links to other zhosts show and trust. Without one it is taken for
  // what the endpoint is of (its zhost, on peer and data links), and takes everybody so.
  std::unique_ptr<ports::Transport> transport(Process& process, std::string ip,
                                              const StubIdentity* identity = nullptr);

  // Who both sides of a link (or of an HTTP request) are to each other.
  struct Side {
    std::string zhost;
    const StubIdentity* identity = nullptr;
  };
  struct Handshaken {
    ports::Identity client, server;
  };
  static stdx::Result<Handshaken> handshake(ports::Endpoint::Kind kind, const Side& client,
                                            const Side& server);

 private:
  friend class SimTransport;
  friend class SimLink;
  friend class SimListener;
  friend class SimDatagramSocket;
  struct Pipe;

  struct Bound {
    Process* process;
    std::weak_ptr<int> alive;
    ports::AcceptHandler on_accept;
    ports::DatagramHandlers datagram;
    const StubIdentity* identity = nullptr;
  };
  using Key = std::pair<std::string, std::string>;  // zhost, "unix:name" | "tcp:port" | "udp:port"

  stdx::Duration latency(const std::string& from, const std::string& to);
  Bound* find(const Key& key);

  World& world_;
  std::map<std::string, std::string> zhost_of_;
  std::set<std::pair<std::string, std::string>> cuts_;
  std::set<std::tuple<std::string, std::string, std::string>> stalls_;
  std::map<Key, Bound> bound_;
  std::uint16_t next_port_ = 40000;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // links may outlive it
};

}  // namespace simkit
