// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/datagram.h"

#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/ip/udp.hpp>
#include <cerrno>

#include "adapters/loop/loop.h"
#include "adapters/net/transport.h"

namespace adapters::net {
namespace {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;
using ports::DatagramSocket;
using ports::Endpoint;

Endpoint endpoint_of(const sockaddr_in& address) {
  char text[INET_ADDRSTRLEN] = {};
  inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
  return Endpoint::tcp(text, ntohs(address.sin_port));
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
      sockaddr_in to{};
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
        if (header->cmsg_level != SOL_IP || header->cmsg_type != IP_RECVERR) continue;
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
      sockaddr_in from{};
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
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(to.port);
    if (inet_pton(AF_INET, to.host.c_str(), &address.sin_addr) != 1) return;
    // Twice: a pending ECONNREFUSED of an earlier datagram fails the first try and is cleared by
    // it.
    for (int i = 0; i < 2; ++i)
      if (sendto(udp_->socket.native_handle(), datagram.data(), datagram.size(), MSG_DONTWAIT,
                 reinterpret_cast<const sockaddr*>(&address), sizeof address) >= 0)
        return;
  }

 private:
  std::shared_ptr<Udp> udp_;
};

}  // namespace

stdx::Result<std::unique_ptr<DatagramSocket>> open_datagram(asio::io_context& io,
                                                            const Endpoint& at,
                                                            ports::DatagramHandlers handlers) {
  TRY(check_listen_address(at.host));
  auto socket = std::make_shared<Udp>(io, std::move(handlers));
  error_code error;
  socket->socket.open(udp::v4(), error);
  if (!error) socket->socket.bind({asio::ip::make_address(at.host), at.port}, error);
  if (error == asio::error::address_in_use)
    return std::unexpected(port_taken(at.host, at.port, "udp"));
  if (error)
    return stdx::fail(stdx::Code::failed, ports::to_string(at) + " (udp): " + error.message());
  const int on = 1;
  setsockopt(socket->socket.native_handle(), SOL_IP, IP_RECVERR, &on, sizeof on);
  socket->wait();
  return std::make_unique<UdpSocket>(std::move(socket));
}

}  // namespace adapters::net
