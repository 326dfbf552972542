// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/transport.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "adapters/loop/loop_impl.h"
#include "adapters/net/addresses.h"
#include "adapters/net/datagram.h"
#include "adapters/net/listeners.h"
#include "adapters/net/peer_socket.h"
#include "adapters/net/stream_link.h"
#include "adapters/net/websocket_link.h"
#include "adapters/posix/port_holder.h"
#include "stdx/text.h"

namespace adapters::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::local::stream_protocol;
using boost::system::error_code;
using ports::Endpoint;
using stdx::Code;

void connect_unix(asio::io_context& io, const std::string& path,
                  ports::ConnectHandler on_connected) {
  auto socket = std::make_shared<stream_protocol::socket>(io);
  socket->async_connect(
      stream_protocol::endpoint(path),
      [socket, path, on_connected = std::move(on_connected)](error_code error) {
        if (error)
          on_connected(stdx::fail(Code::unavailable, path + ": " + error.message()));
        else
          on_connected(make_stream_link(StreamSocket(std::move(*socket)), path));
      });
}

void connect_tcp(asio::io_context& io, const Endpoint& to, const NetTransport::Options& options,
                 ports::ConnectHandler on_connected) {
  auto made = options.identity == nullptr
                  ? stdx::fail(Code::unavailable, "this process has no certificate")
                  : tls::Session::make(*options.identity, tls::Side::client, expect_of(to.kind));
  if (!made) {
    asio::post(io, [on_connected = std::move(on_connected), to, why = made.error()] {
      on_connected(stdx::fail(why.code, ports::to_string(to) + ": " + why.message));
    });
    return;
  }
  error_code error;
  const auto address = asio::ip::make_address(to.host, error);
  auto socket = std::make_shared<tcp::socket>(io);
  if (!error) socket->open(address.is_v4() ? tcp::v4() : tcp::v6(), error);
  if (!error) bind_source(*socket, options.bind_ip, address, error);
  if (error) {
    asio::post(io, [on_connected = std::move(on_connected), to, error] {
      on_connected(stdx::fail(Code::unavailable, ports::to_string(to) + ": " + error.message()));
    });
    return;
  }
  auto deadline = std::make_shared<asio::steady_timer>(io, std::chrono::seconds(5));
  deadline->async_wait([socket](error_code e) {
    if (!e) socket->cancel();
  });
  socket->async_connect(
      tcp::endpoint(address, to.port),
      [socket, deadline, to, on_connected = std::move(on_connected),
       session = std::make_shared<std::unique_ptr<tls::Session>>(std::move(*made))](error_code e) {
        deadline->cancel();
        if (e) {
          on_connected(stdx::fail(Code::unavailable, ports::to_string(to) + ": " + e.message()));
          return;
        }
        tune(*socket);
        open_secure_link(StreamSocket(std::move(*socket)), ports::to_string(to),
                         std::move(*session), on_connected);
      });
}

}  // namespace

stdx::Status check_plain_address(const std::string& ip) {
  TRY_ASSIGN(const auto address, parse_address(ip));
  if (address.is_loopback()) return {};
  return stdx::fail(Code::denied,
                    stdx::format("refusing to answer plain HTTP on {}: services do so on loopback "
                                 "only; set bind: to a 127.x address, and zhost.bind: to the "
                                 "address for other machines",
                                 ip));
}

stdx::Error port_taken(const std::string& ip, std::uint16_t port, const char* protocol) {
  const auto holder = posix::port_holder(ip, port, protocol);
  return {Code::already_exists,
          stdx::format("{} port {} is in use{}; stop that process or choose another port", protocol,
                       host_and_port(ip, port), holder.empty() ? "" : " by " + holder)};
}

NetTransport::NetTransport(loop::Loop& loop, Options options)
    : loop_(loop), options_(std::move(options)) {}
NetTransport::~NetTransport() = default;

stdx::Result<std::unique_ptr<ports::Listener>> NetTransport::listen(
    const Endpoint& at, ports::AcceptHandler on_accept) {
  auto& io = loop::io_of(loop_);
  switch (at.kind) {
    case Endpoint::Kind::local:
      return listen_unix(io, socket_path(at.host), std::move(on_accept));
    case Endpoint::Kind::tcp:
      return listen_tcp(
          io, at, options_,
          options_.hand_data_links_to.empty() ? "" : socket_path(options_.hand_data_links_to),
          std::move(on_accept));
    case Endpoint::Kind::data:
      return listen_data(io, at, options_, socket_path("zrun.data"), std::move(on_accept));
    case Endpoint::Kind::websocket:
    case Endpoint::Kind::https:
      return stdx::fail(Code::unsupported, "WebSockets are served by HttpServer");
  }
  return stdx::fail(Code::invalid, "unknown kind of endpoint");
}

void NetTransport::connect(const Endpoint& to, ports::ConnectHandler on_connected) {
  auto& io = loop::io_of(loop_);
  switch (to.kind) {
    case Endpoint::Kind::local:
      connect_unix(io, socket_path(to.host), std::move(on_connected));
      return;
    case Endpoint::Kind::tcp:
    case Endpoint::Kind::data:
      connect_tcp(io, to, options_, std::move(on_connected));
      return;
    case Endpoint::Kind::websocket:
      if (options_.identity != nullptr)
        return connect_websocket(io, to, options_.bind_ip, *options_.identity,
                                 std::move(on_connected));
      break;
    case Endpoint::Kind::https:
      break;
  }
  asio::post(io, [to, on_connected = std::move(on_connected)] {
    on_connected(
        stdx::fail(Code::unsupported, "this process does not dial " + ports::to_string(to)));
  });
}

stdx::Result<std::unique_ptr<ports::DatagramSocket>> NetTransport::bind_datagram(
    const Endpoint& at, ports::DatagramHandlers handlers) {
  return open_datagram(loop::io_of(loop_), at, std::move(handlers));
}

}  // namespace adapters::net
