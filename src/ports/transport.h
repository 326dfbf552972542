// SPDX-License-Identifier: Apache-2.0
#pragma once

// Links of whole frames between processes, and datagrams between zhosts. Unix sockets, TCP and
// WebSocket in a process (adapters/net); a virtual network in the simulator.
//
// A link is reliable and, but for urgent frames, ordered while it lives, and says nothing about
// what was under way when it closed. All calls and handlers belong to the loop of the service that
// owns the Transport.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "ports/credentials.h"
#include "stdx/bytes.h"
#include "stdx/result.h"

namespace ports {

struct Endpoint {
  enum class Kind { local, tcp, websocket, data, https };
  Kind kind = Kind::local;
  // local: the name of a service socket in this zhost's run_dir ("zmesh", "startz").
  // tcp, websocket: an IP address or host name.
  // https: of HttpClient only; a server of this cluster, known by its certificate.
  // data: a data link between two zruns (ALPN samoza-data/1). It shares port 9201 with the peer
  // links: zmesh takes the connection in and hands it to the zrun that listens on this endpoint.
  std::string host;
  std::uint16_t port = 0;
  std::string path = "/";  // websocket only

  static Endpoint local(std::string name) { return {Kind::local, std::move(name), 0, "/"}; }
  static Endpoint tcp(std::string ip, std::uint16_t port) {
    return {Kind::tcp, std::move(ip), port, "/"};
  }
  static Endpoint data(std::string ip, std::uint16_t port) {
    return {Kind::data, std::move(ip), port, "/"};
  }
  static Endpoint https(std::string host, std::uint16_t port) {
    return {Kind::https, std::move(host), port, "/"};
  }
  auto operator<=>(const Endpoint&) const = default;
};
// "unix:zmesh", "127.0.0.1:9201", "wss://127.0.0.1:9000/ws"
std::string to_string(const Endpoint& endpoint);

struct LinkHandlers {
  std::function<void(stdx::Bytes frame)> on_frame;
  // The link is gone (also after a frame that broke a rule); nothing is called after it. Not
  // called when the owner closes or destroys the link itself.
  std::function<void(const stdx::Error& why)> on_closed;
  // `queued_bytes` fell below `writable_below` after it had been above. May be empty.
  std::function<void()> on_writable;
  std::size_t writable_below = 8u << 20;  // half of Link::queue_bytes_max
};

// Urgent frames go ahead of all others that wait at the same end of a link: renewals of the lease
// must not wait behind megabytes of reports and directories. Among themselves, urgent frames and
// other frames keep their order. A frame that is being written is not interrupted.
enum class Urgency { normal, urgent };

class Link {
 public:
  // Largest frame either way; a larger one closes the link.
  static constexpr std::size_t frame_bytes_max = 4u << 20;
  // Bound of what is queued to the other side. A send past it closes the link with Code::full: the
  // other side does not read. Senders that can wait look at queued_bytes() first.
  static constexpr std::size_t queue_bytes_max = 16u << 20;

  // Destroying a link closes it; handlers are not called any more.
  virtual ~Link() = default;
  // Exactly once, before the first frame is wanted. Frames that came before it are kept.
  virtual void start(LinkHandlers handlers) = 0;
  virtual void send(stdx::Bytes frame, Urgency urgency = Urgency::normal) = 0;
  virtual std::size_t queued_bytes() const = 0;
  // For logs: the other side's address.
  virtual std::string peer() const = 0;
  // The other side, by the certificate that it showed; of role `none` where it showed none, as
  // inside a zhost.
  virtual Identity identity() const { return {}; }
};

using AcceptHandler = std::function<void(std::unique_ptr<Link>)>;
using ConnectHandler = std::function<void(stdx::Result<std::unique_ptr<Link>>)>;

// Destroying it stops listening; accepted links live on.
class Listener {
 public:
  virtual ~Listener() = default;
  // The port that was bound, for endpoints with port 0.
  virtual std::uint16_t port() const = 0;
};

class DatagramSocket {
 public:
  static constexpr std::size_t datagram_bytes_max = 1200;
  virtual ~DatagramSocket() = default;
  // May be lost, doubled or overtaken. `to.kind` is tcp (an address and a port).
  virtual void send(const Endpoint& to, stdx::Bytes datagram) = 0;
};

struct DatagramHandlers {
  std::function<void(const Endpoint& from, stdx::Bytes datagram)> on_datagram;
  // The kernel at `to` lives but nothing listens there (ICMP port unreachable).
  std::function<void(const Endpoint& to)> on_refused;
};

class Transport {
 public:
  virtual ~Transport() = default;
  // Fails with Code::already_exists and the holder's name where the address is taken.
  virtual stdx::Result<std::unique_ptr<Listener>> listen(const Endpoint& at,
                                                         AcceptHandler on_accept) = 0;
  // Calls back exactly once, also when the Transport is asked to connect to what does not exist;
  // never from inside `connect` itself.
  virtual void connect(const Endpoint& to, ConnectHandler on_connected) = 0;
  virtual stdx::Result<std::unique_ptr<DatagramSocket>> bind_datagram(
      const Endpoint& at, DatagramHandlers handlers) = 0;
};

}  // namespace ports
