// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/listeners.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/datagram_protocol.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <optional>

#include "adapters/net/addresses.h"
#include "adapters/net/http_seats.h"
#include "adapters/net/peer_socket.h"
#include "adapters/net/socket_handoff.h"
#include "adapters/net/stream_link.h"
#include "stdx/text.h"

namespace adapters::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::local::datagram_protocol;
using asio::local::stream_protocol;
using boost::system::error_code;
using ports::Endpoint;
using stdx::Code;

struct UnixAcceptor : std::enable_shared_from_this<UnixAcceptor> {
  stream_protocol::acceptor acceptor;
  ports::AcceptHandler on_accept;
  std::string path;

  UnixAcceptor(asio::io_context& io, ports::AcceptHandler handler, std::string p)
      : acceptor(io), on_accept(std::move(handler)), path(std::move(p)) {}

  void accept() {
    acceptor.async_accept(
        [self = shared_from_this()](error_code error, stream_protocol::socket socket) {
          if (error == asio::error::operation_aborted) return;
          if (!error) {
            ucred peer{};
            socklen_t size = sizeof peer;
            const bool ours =
                getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
                peer.uid == geteuid();
            if (ours && self->on_accept)
              self->on_accept(make_stream_link(StreamSocket(std::move(socket)),
                                               stdx::format("pid {}", peer.pid)));
          }
          self->accept_again(error);
        });
  }
  void accept_again(error_code error) {
    if (!acceptor.is_open()) return;
    if (!error) return accept();
    // Out of descriptors or the like: breathe instead of spinning.
    auto timer = std::make_shared<asio::steady_timer>(acceptor.get_executor(),
                                                      std::chrono::milliseconds(50));
    timer->async_wait([self = shared_from_this(), timer](error_code) { self->accept(); });
  }
};

// Accepted connections to other zhosts: TLS, then a link. Until it is a link a connection has a
// seat: there are so many in all, fewer of one source, and the one that has been silent for longest
// leaves for a new one. So connections that say nothing keep no zhost out.
struct SecureAcceptor {
  const NetTransport::Options& options;
  Endpoint::Kind kind;
  ports::AcceptHandler on_accept;
  HttpSeats seats{{.total = 128, .of_one_source = 32}};
  std::map<HttpSeats::Seat, int> sockets;  // of those that have a seat

  SecureAcceptor(const NetTransport::Options& o, Endpoint::Kind k, ports::AcceptHandler handler)
      : options(o), kind(k), on_accept(std::move(handler)) {}

  void refuse(const std::string& peer, const stdx::Error& why) const {
    if (options.on_refused) options.on_refused(peer, why);
  }
  // Of IPv6 the network: one machine has as many addresses of it as it likes.
  static std::string source_of(const tcp::socket& socket) {
    error_code unknown;
    const auto address = socket.remote_endpoint(unknown).address();
    if (!address.is_v6()) return address.to_string();
    const auto bytes = address.to_v6().to_bytes();
    return std::string(bytes.begin(), bytes.begin() + 8);
  }
  std::optional<HttpSeats::Seat> take_seat(tcp::socket& socket) {
    const auto arrival = seats.arrive(source_of(socket));
    if (arrival.leaves) {
      // Its read ends, and with it the connection.
      if (const auto at = sockets.find(*arrival.leaves); at != sockets.end()) {
        shutdown(at->second, SHUT_RDWR);
        sockets.erase(at);
      }
      refuse(name_of(socket), {Code::full,
                               "another connection that had been silent for longest "
                               "made room for it"});
    }
    if (!arrival.seat) {
      refuse(name_of(socket), {Code::full, "too many connections at once"});
      return std::nullopt;
    }
    seats.waits(*arrival.seat);
    // As long as it has its seat its socket is open.
    sockets[*arrival.seat] = socket.native_handle();
    return arrival.seat;
  }
  void leave(HttpSeats::Seat seat) {
    seats.leave(seat);
    sockets.erase(seat);
  }
  static std::string name_of(const tcp::socket& socket) {
    error_code unknown;
    return text_of(socket.remote_endpoint(unknown));
  }
  // `self` keeps this alive meanwhile.
  void open(std::shared_ptr<void> self, tcp::socket socket, HttpSeats::Seat seat) {
    const auto peer = name_of(socket);
    auto session = options.identity == nullptr
                       ? stdx::fail(Code::unavailable, "this process has no certificate")
                       : tls::Session::make(*options.identity, tls::Side::server, expect_of(kind));
    // The other side tries again; until this zhost has a certificate there is nothing to say.
    if (!session) return leave(seat);
    open_secure_link(StreamSocket(std::move(socket)), peer, std::move(*session),
                     [this, self = std::move(self), peer, seat](auto link) {
                       leave(seat);
                       if (!link) return refuse(peer, link.error());
                       if (on_accept) on_accept(std::move(*link));
                     });
  }
};

struct TcpAcceptor : SecureAcceptor, std::enable_shared_from_this<TcpAcceptor> {
  tcp::acceptor acceptor;
  std::string hand_over_to;  // path of the handoff socket, or empty
  static constexpr auto hello_timeout = std::chrono::seconds(5);
  static constexpr auto look_again = std::chrono::milliseconds(20);

  TcpAcceptor(asio::io_context& io, const NetTransport::Options& o, ports::AcceptHandler handler,
              std::string path)
      : SecureAcceptor(o, Endpoint::Kind::tcp, std::move(handler)),
        acceptor(io),
        hand_over_to(std::move(path)) {}

  void accept() {
    acceptor.async_accept([self = shared_from_this()](error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (!error) {
        tune(socket);
        if (const auto seat = self->take_seat(socket))
          self->look(
              std::make_shared<Looked>(std::move(socket), self->acceptor.get_executor(), *seat));
      }
      if (!self->acceptor.is_open()) return;
      if (!error) return self->accept();
      auto timer = std::make_shared<asio::steady_timer>(self->acceptor.get_executor(),
                                                        std::chrono::milliseconds(50));
      timer->async_wait([self, timer](error_code) { self->accept(); });
    });
  }

  // An accepted connection that has not sent its ClientHello yet.
  struct Looked {
    tcp::socket socket;
    asio::steady_timer deadline, again;
    HttpSeats::Seat seat;
    Looked(tcp::socket s, const asio::any_io_executor& executor, HttpSeats::Seat seated)
        : socket(std::move(s)), deadline(executor, hello_timeout), again(executor), seat(seated) {}
  };

  void look(const std::shared_ptr<Looked>& at) {
    at->deadline.async_wait([at](error_code error) {
      if (!error) at->socket.cancel();
    });
    wait(at);
  }
  void wait(const std::shared_ptr<Looked>& at) {
    at->socket.async_wait(tcp::socket::wait_read,
                          [self = shared_from_this(), at](error_code error) {
                            if (error)
                              return self->done(at, {Code::timeout, "no ClientHello in time"});
                            self->peek(at);
                          });
  }
  void done(const std::shared_ptr<Looked>& at, const stdx::Error& why) {
    leave(at->seat);
    at->deadline.cancel();
    refuse(name_of(at->socket), why);
  }
  // Nothing is read: the first byte belongs to the process that the connection is for.
  void peek(const std::shared_ptr<Looked>& at) {
    char first[tls::hello_bytes_max];
    const auto n = recv(at->socket.native_handle(), first, sizeof first, MSG_PEEK | MSG_DONTWAIT);
    if (n <= 0) return done(at, {Code::unavailable, "closed before its ClientHello"});
    const auto offered = tls::offered_protocols({first, static_cast<std::size_t>(n)});
    if (!offered) return done(at, offered.error());
    if (!offered->whole) {
      // What is there would make it readable at once.
      if (at->deadline.expiry() <= std::chrono::steady_clock::now())
        return done(at, {Code::timeout, "no ClientHello in time"});
      at->again.expires_after(look_again);
      at->again.async_wait([self = shared_from_this(), at](error_code) { self->wait(at); });
      return;
    }
    at->deadline.cancel();
    const auto& names = offered->protocols;
    if (std::find(names.begin(), names.end(), data_protocol) == names.end())
      return open(shared_from_this(), std::move(at->socket), at->seat);
    leave(at->seat);
    // Our copy closes; zrun has its own.
    if (!hand_over_to.empty()) (void)hand_over(hand_over_to, at->socket.native_handle());
  }
};

tcp family_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4();
}

struct HandoffAcceptor : SecureAcceptor, std::enable_shared_from_this<HandoffAcceptor> {
  datagram_protocol::socket socket;
  std::string path;
  HandoffAcceptor(asio::io_context& io, int fd, const NetTransport::Options& o,
                  ports::AcceptHandler handler, std::string p)
      : SecureAcceptor(o, Endpoint::Kind::data, std::move(handler)),
        socket(io, datagram_protocol(), fd),
        path(std::move(p)) {}

  void accept() {
    socket.async_wait(datagram_protocol::socket::wait_read,
                      [self = shared_from_this()](error_code error) {
                        if (error) return;
                        int fd = -1;
                        while ((fd = receive_handed_over(self->socket.native_handle())) >= 0)
                          self->take(tcp::socket(self->socket.get_executor(), family_of(fd), fd));
                        self->accept();
                      });
  }
  void take(tcp::socket accepted) {
    if (const auto seat = take_seat(accepted)) open(shared_from_this(), std::move(accepted), *seat);
  }
};

template <typename Acceptor, typename Close>
class OwnedListener final : public ports::Listener {
 public:
  OwnedListener(std::shared_ptr<Acceptor> acceptor, std::uint16_t port, Close close)
      : acceptor_(std::move(acceptor)), port_(port), close_(std::move(close)) {}
  ~OwnedListener() override {
    acceptor_->on_accept = nullptr;
    close_(*acceptor_);
  }
  std::uint16_t port() const override { return port_; }

 private:
  std::shared_ptr<Acceptor> acceptor_;
  std::uint16_t port_;
  Close close_;
};

template <typename Acceptor, typename Close>
std::unique_ptr<ports::Listener> own(std::shared_ptr<Acceptor> acceptor, std::uint16_t port,
                                     Close close) {
  return std::make_unique<OwnedListener<Acceptor, Close>>(std::move(acceptor), port,
                                                          std::move(close));
}

}  // namespace

stdx::Result<std::unique_ptr<ports::Listener>> listen_unix(asio::io_context& io,
                                                           const std::string& path,
                                                           ports::AcceptHandler on_accept) {
  if (path.size() > 100)
    return stdx::fail(
        Code::invalid,
        stdx::format("'{}' is too long for a socket; choose a shorter run_dir", path));
  error_code error;
  // Somebody who answers there is alive; a file nobody answers at is left over.
  stream_protocol::socket probe(io);
  probe.connect(stream_protocol::endpoint(path), error);
  if (!error)
    return stdx::fail(Code::already_exists,
                      stdx::format("{} is in use: another zhost runs in this run_dir", path));
  unlink(path.c_str());
  auto acceptor = std::make_shared<UnixAcceptor>(io, std::move(on_accept), path);
  acceptor->acceptor.open();
  acceptor->acceptor.bind(stream_protocol::endpoint(path), error);
  if (error) return stdx::fail(Code::failed, path + ": " + error.message());
  chmod(path.c_str(), 0600);
  acceptor->acceptor.listen(128, error);
  if (error) return stdx::fail(Code::failed, path + ": " + error.message());
  acceptor->accept();
  return own(std::move(acceptor), 0, [](UnixAcceptor& a) {
    error_code ignored;
    a.acceptor.close(ignored);
    unlink(a.path.c_str());
  });
}

stdx::Result<std::unique_ptr<ports::Listener>> listen_tcp(asio::io_context& io, const Endpoint& at,
                                                          const NetTransport::Options& options,
                                                          std::string hand_over_to,
                                                          ports::AcceptHandler on_accept) {
  TRY_ASSIGN(const auto address, parse_address(at.host));
  auto acceptor =
      std::make_shared<TcpAcceptor>(io, options, std::move(on_accept), std::move(hand_over_to));
  const tcp::endpoint endpoint(address, at.port);
  error_code error;
  acceptor->acceptor.open(endpoint.protocol(), error);
  if (address.is_v6()) acceptor->acceptor.set_option(asio::ip::v6_only(true), error);
  acceptor->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  acceptor->acceptor.bind(endpoint, error);
  if (!error) acceptor->acceptor.listen(256, error);
  if (error == asio::error::address_in_use)
    return std::unexpected(port_taken(at.host, at.port, "tcp"));
  if (error) return stdx::fail(Code::failed, ports::to_string(at) + ": " + error.message());
  const auto port = acceptor->acceptor.local_endpoint().port();
  acceptor->accept();
  return own(std::move(acceptor), port, [](TcpAcceptor& a) {
    error_code ignored;
    a.acceptor.close(ignored);
  });
}

stdx::Result<std::unique_ptr<ports::Listener>> listen_data(asio::io_context& io, const Endpoint& at,
                                                           const NetTransport::Options& options,
                                                           const std::string& path,
                                                           ports::AcceptHandler on_accept) {
  TRY_ASSIGN(const int fd, open_handoff(path));
  auto acceptor = std::make_shared<HandoffAcceptor>(io, fd, options, std::move(on_accept), path);
  acceptor->accept();
  return own(std::move(acceptor), at.port, [](HandoffAcceptor& a) {
    error_code ignored;
    a.socket.close(ignored);
    unlink(a.path.c_str());
  });
}

}  // namespace adapters::net
