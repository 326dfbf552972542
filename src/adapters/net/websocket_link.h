// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::Link over a WebSocket, both sides. Internal to this folder: it shows Beast. One message is
// one frame; compression is off; a message past the link's bound ends it.

#include <boost/asio/io_context.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <functional>
#include <memory>
#include <string>

#include "adapters/net/secure_stream.h"
#include "ports/transport.h"

namespace adapters::net {

using BeastRequest = boost::beast::http::request<boost::beast::http::string_body>;

// To the control plane, over TLS; `identity` is what this side shows and trusts.
void connect_websocket(boost::asio::io_context& io, const ports::Endpoint& to,
                       const std::string& bind_ip, const tls::Context& identity,
                       ports::ConnectHandler on_connected);

enum class WebSocketPayload { text, binary };

// Takes over a connection whose request was an upgrade; `done` gets the link, or nothing when the
// handshake failed.
void accept_websocket(SecureStream stream, BeastRequest request, WebSocketPayload payload,
                      std::function<void(std::unique_ptr<ports::Link>)> done);

}  // namespace adapters::net
