// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::Transport over Unix sockets in run_dir, TCP, UDP and WebSocket, IPv4 and IPv6. What goes
// to a loopback address leaves from `bind_ip`, so that several zhosts live on one machine (design,
// "Ports"). TCP and WebSockets speak TLS 1.3 with certificates of both sides, whatever the address:
// peer links and data links share a port and are told apart by ALPN. Datagrams are sealed by who
// sends them. Unix sockets are mode 0600 in a directory of mode 0700, and the peer's user must be
// ours.

#include <functional>
#include <memory>
#include <string>

#include "adapters/loop/loop.h"
#include "adapters/tls/session.h"
#include "ports/transport.h"

namespace adapters::net {

class NetTransport final : public ports::Transport {
 public:
  struct Options {
    std::string run_dir;
    std::string bind_ip;
    // zmesh: connections on its tcp port that open a data link go to this socket of run_dir.
    std::string hand_data_links_to;  // "zrun.data"; empty: closed
    // What links to other zhosts and to the control plane show and trust.
    const tls::Context* identity = nullptr;
    // A connection that was accepted and became no link: it spoke no TLS, or showed a certificate
    // that is of no use here.
    std::function<void(const std::string& peer, const stdx::Error& why)> on_refused = {};
  };

  NetTransport(loop::Loop& loop, Options options);
  ~NetTransport() override;

  stdx::Result<std::unique_ptr<ports::Listener>> listen(const ports::Endpoint& at,
                                                        ports::AcceptHandler on_accept) override;
  void connect(const ports::Endpoint& to, ports::ConnectHandler on_connected) override;
  stdx::Result<std::unique_ptr<ports::DatagramSocket>> bind_datagram(
      const ports::Endpoint& at, ports::DatagramHandlers handlers) override;

  std::string socket_path(const std::string& name) const {
    return options_.run_dir + "/" + name + ".sock";
  }

 private:
  loop::Loop& loop_;
  Options options_;
};

// Of plain HTTP. Code::denied for an address that is not loopback, with what to do about it.
stdx::Status check_plain_address(const std::string& ip);
// Code::already_exists, naming the process that holds the port where that can be found.
stdx::Error port_taken(const std::string& ip, std::uint16_t port, const char* protocol);

}  // namespace adapters::net
