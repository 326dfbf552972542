// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/datagram.h"

#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <cerrno>

#include "adapters/loop/loop.h"
#include "adapters/net/addresses.h"
#include "adapters/net/transport.h"

namespace adapters::net {
namespace {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;
using ports::DatagramSocket;
using ports::Endpoint;

Endpoint endpoint_of(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return Endpoint::tcp(text, ntohs(v6.sin6_port));
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
  inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  return Endpoint::tcp(text, ntohs(v4.sin_port));
}

// 0: it is no address.
socklen_t fill(sockaddr_storage& address, const Endpoint& to) {
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
  auto& v4 = reinterpret_cast<sockaddr_in&>(address);
  if (inet_pton(AF_INET, to.host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(to.port);
    return sizeof v4;
  }
  if (inet_pton(AF_INET6, to.host.c_str(), &v6.sin6_addr) != 1) return 0;
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(to.port);
  return sizeof v6;
}

constexpr int datagrams_per_turn = 64;

class Udp : public std::enable_shared_from_this<Udp> {
 public:
  Udp(asio::io_context& io, ports::DatagramHandlers handlers)
      : socket(io), handlers_(std::move(handlers)) {}

  udp::socket socket;

  void wait() {
    socket.async_wait(udp::socket::wait_read, [self = shared_from_this()](error_code error) {
      if (error) return;
      loop::name_task();
      self->drain_errors();
      self->drain_datagrams();
      if (self->open_) self->wait();
    });
  }
  void close() {
    open_ = false;
    error_code ignored;
    socket.close(ignored);
  }

 private:
  void drain_errors() {
    for (int i = 0; i < datagrams_per_turn; ++i) {
      sockaddr_storage to{};
      std::array<char, 512> control;
      char data[64];
      iovec iov{data, sizeof data};
      msghdr message{};
      message.msg_name = &to;
      message.msg_namelen = sizeof to;
      message.msg_iov = &iov;
      message.msg_iovlen = 1;
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      if (recvmsg(socket.native_handle(), &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return;
      for (auto* header = CMSG_FIRSTHDR(&message); header != nullptr;
           header = CMSG_NXTHDR(&message, header)) {
        const bool of_v4 = header->cmsg_level == SOL_IP && header->cmsg_type == IP_RECVERR;
        const bool of_v6 = header->cmsg_level == SOL_IPV6 && header->cmsg_type == IPV6_RECVERR;
        if (!of_v4 && !of_v6) continue;
        const auto* error = reinterpret_cast<const sock_extended_err*>(CMSG_DATA(header));
        if (error->ee_errno == ECONNREFUSED && handlers_.on_refused)
          handlers_.on_refused(endpoint_of(to));
      }
    }
  }
  void drain_datagrams() {
    std::array<char, DatagramSocket::datagram_bytes_max + 1> buffer;
    // A flood takes turns with the rest of the loop; what is left is read in the next one.
    for (int i = 0; i < datagrams_per_turn && open_; ++i) {
      sockaddr_storage from{};
      socklen_t size = sizeof from;
      const auto n = recvfrom(socket.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT,
                              reinterpret_cast<sockaddr*>(&from), &size);
      if (n < 0) {
        if (errno == EINTR || errno == ECONNREFUSED) continue;
        return;
      }
      // Larger than any of ours: not a beat.
      if (static_cast<std::size_t>(n) > DatagramSocket::datagram_bytes_max) continue;
      if (handlers_.on_datagram)
        handlers_.on_datagram(endpoint_of(from), {buffer.data(), static_cast<std::size_t>(n)});
    }
  }

  ports::DatagramHandlers handlers_;
  bool open_ = true;
};

class UdpSocket final : public DatagramSocket {
 public:
  explicit UdpSocket(std::shared_ptr<Udp> udp) : udp_(std::move(udp)) {}
  ~UdpSocket() override { udp_->close(); }
  void send(const Endpoint& to, stdx::Bytes datagram) override {
    sockaddr_storage address{};
    const auto size = fill(address, to);
    if (size == 0) return;
    // Twice: a pending ECONNREFUSED of an earlier datagram fails the first try and is cleared by
    // it.
    for (int i = 0; i < 2; ++i)
      if (sendto(udp_->socket.native_handle(), datagram.data(), datagram.size(), MSG_DONTWAIT,
                 reinterpret_cast<const sockaddr*>(&address), size) >= 0)
        return;
  }

 private:
  std::shared_ptr<Udp> udp_;
};

}  // namespace

stdx::Result<std::unique_ptr<DatagramSocket>> open_datagram(asio::io_context& io,
                                                            const Endpoint& at,
                                                            ports::DatagramHandlers handlers) {
  TRY_ASSIGN(const auto address, parse_address(at.host));
  auto socket = std::make_shared<Udp>(io, std::move(handlers));
  error_code error;
  socket->socket.open(address.is_v6() ? udp::v6() : udp::v4(), error);
  if (!error && address.is_v6()) socket->socket.set_option(asio::ip::v6_only(true), error);
  if (!error) socket->socket.bind({address, at.port}, error);
  if (error == asio::error::address_in_use)
    return std::unexpected(port_taken(at.host, at.port, "udp"));
  if (error)
    return stdx::fail(stdx::Code::failed, ports::to_string(at) + " (udp): " + error.message());
  const int on = 1;
  if (address.is_v6())
    setsockopt(socket->socket.native_handle(), SOL_IPV6, IPV6_RECVERR, &on, sizeof on);
  else
    setsockopt(socket->socket.native_handle(), SOL_IP, IP_RECVERR, &on, sizeof on);
  socket->wait();
  return std::make_unique<UdpSocket>(std::move(socket));
}

}  // namespace adapters::net
