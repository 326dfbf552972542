// SPDX-License-Identifier: Apache-2.0
#pragma once

// IP addresses of sockets. Internal to this folder: it shows Asio.

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <string>

#include "stdx/result.h"

namespace adapters::net {

// "10.0.0.1:9201", "[fd00::1]:9201"
std::string text_of(const boost::asio::ip::tcp::endpoint& endpoint);
std::string host_and_port(const std::string& host, std::uint16_t port);

stdx::Result<boost::asio::ip::address> parse_address(const std::string& ip);

// Several zhosts of one machine have loopback addresses of their own: what one of them dials on
// loopback comes from its address. Elsewhere the machine's routes choose.
template <typename Socket>
void bind_source(Socket& socket, const std::string& own_ip, const boost::asio::ip::address& to,
                 boost::system::error_code& error) {
  if (own_ip.empty() || !to.is_loopback()) return;
  const auto own = boost::asio::ip::make_address(own_ip, error);
  if (!error && own.is_loopback() && own.is_v4() == to.is_v4()) socket.bind({own, 0}, error);
}

}  // namespace adapters::net
