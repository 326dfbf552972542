// SPDX-License-Identifier: Apache-2.0
#pragma once

// UDP for beats. Internal to this folder: it shows Asio. "Connection refused" is read from the
// socket's error queue (IP_RECVERR), so that it is known which address refused.

#include <boost/asio/io_context.hpp>
#include <memory>

#include "ports/transport.h"

namespace adapters::net {

stdx::Result<std::unique_ptr<ports::DatagramSocket>> open_datagram(
    boost::asio::io_context& io, const ports::Endpoint& at, ports::DatagramHandlers handlers);

}  // namespace adapters::net
