// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/addresses.h"

#include "stdx/text.h"

namespace adapters::net {

std::string host_and_port(const std::string& host, std::uint16_t port) {
  if (host.find(':') == std::string::npos) return stdx::format("{}:{}", host, port);
  return stdx::format("[{}]:{}", host, port);
}

std::string text_of(const boost::asio::ip::tcp::endpoint& endpoint) {
  return host_and_port(endpoint.address().to_string(), endpoint.port());
}

stdx::Result<boost::asio::ip::address> parse_address(const std::string& ip) {
  boost::system::error_code error;
  auto address = boost::asio::ip::make_address(ip, error);
  if (error) return stdx::fail(stdx::Code::invalid, stdx::format("'{}' is no IP address", ip));
  return address;
}

}  // namespace adapters::net
