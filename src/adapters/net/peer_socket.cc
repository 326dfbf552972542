// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/peer_socket.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

namespace adapters::net {
namespace {

// By default TCP keeps a connection whose network is cut for a quarter of an hour. With these, a
// link ends if nothing that it sent was acknowledged for cut_after_ms (the simulator's
// NetworkFaults::link_timeout), and an idle link probes the other side after idle_before_s.
constexpr int cut_after_ms = 2500, idle_before_s = 2, probe_every_s = 1, probes = 3;

}  // namespace

void tune(boost::asio::ip::tcp::socket& socket) {
  boost::system::error_code ignored;
  socket.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  socket.set_option(boost::asio::socket_base::keep_alive(true), ignored);
  const auto set = [&](int option, int value) {
    setsockopt(socket.native_handle(), IPPROTO_TCP, option, &value, sizeof value);
  };
  set(TCP_USER_TIMEOUT, cut_after_ms);
  set(TCP_KEEPIDLE, idle_before_s);
  set(TCP_KEEPINTVL, probe_every_s);
  set(TCP_KEEPCNT, probes);
}

tls::Expect expect_of(ports::Endpoint::Kind kind) {
  using Role = ports::CertificateRole;
  if (kind == ports::Endpoint::Kind::data) return {data_protocol, true, {Role::data}};
  return {peer_protocol, true, {Role::zhost}};
}

}  // namespace adapters::net
