// SPDX-License-Identifier: Apache-2.0
#pragma once

// TCP sockets of links to other zhosts, on both sides: how they are tuned, and which TLS the other
// side must speak. Internal to this folder: it shows Asio.

#include <boost/asio/ip/tcp.hpp>

#include "adapters/tls/session.h"
#include "ports/transport.h"

namespace adapters::net {

// ALPN of the two kinds of links that share port 9201.
inline constexpr const char* peer_protocol = "samoza-peer/1";
inline constexpr const char* data_protocol = "samoza-data/1";

// Sends small frames at once, and ends the connection soon after the network loses it.
void tune(boost::asio::ip::tcp::socket& socket);

// What the other side of a link of `kind` (tcp or data) has to show.
tls::Expect expect_of(ports::Endpoint::Kind kind);

}  // namespace adapters::net
