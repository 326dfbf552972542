// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::Link over a connected stream socket (Unix or TCP): each frame is its length as four
// little-endian bytes, then the frame. Internal to this folder: it shows Asio.
//
// Memory is taken as bytes arrive, never for what a length announces. A length past the bound ends
// the link. Destroying the link lets what was queued go out first (2 s at most).

#include <boost/asio/generic/stream_protocol.hpp>
#include <memory>
#include <string>

#include "ports/transport.h"

namespace adapters::net {

using StreamSocket = boost::asio::generic::stream_protocol::socket;

std::unique_ptr<ports::Link> make_stream_link(StreamSocket socket, std::string peer);

}  // namespace adapters::net
