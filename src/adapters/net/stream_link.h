// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::Link over a connected stream socket (Unix or TCP): each frame is its length as four
// little-endian bytes, then the frame. Internal to this folder: it shows Asio.
//
// Over Unix sockets frames are plain; to other zhosts they go through TLS (adapters/tls). What is
// queued is encrypted in one piece (256 KiB at most) and written with one call.
//
// Memory is taken as bytes arrive, never for what a length announces. A length past the bound ends
// the link. Destroying the link lets what was queued go out first (2 s at most).

#include <boost/asio/generic/stream_protocol.hpp>
#include <memory>
#include <string>

#include "adapters/tls/session.h"
#include "ports/transport.h"

namespace adapters::net {

using StreamSocket = boost::asio::generic::stream_protocol::socket;

std::unique_ptr<ports::Link> make_stream_link(StreamSocket socket, std::string peer);

// The handshake of `session`, then a link that knows its other side. `done` is called once: Code::
// denied: the other side is not one that is wanted here, or does not want this one; Code::invalid:
// it speaks no TLS; Code::unavailable, Code::timeout: it went away, or took over 5 s.
void open_secure_link(StreamSocket socket, std::string peer, std::unique_ptr<tls::Session> session,
                      ports::ConnectHandler done);

}  // namespace adapters::net
