// SPDX-License-Identifier: Apache-2.0
#pragma once

// The listeners of NetTransport: each accepts connections of one kind and makes a ports::Link of
// each that is good. Internal to this folder: it shows Asio.
//
// `options` outlives the listener. Destroying a listener closes it; nothing is accepted afterwards.
// Errors: Code::already_exists: the path or the port is in use; Code::failed: the system refused.

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "adapters/net/transport.h"

namespace adapters::net {

// A Unix socket at `path`, for processes of our own user.
stdx::Result<std::unique_ptr<ports::Listener>> listen_unix(boost::asio::io_context& io,
                                                           const std::string& path,
                                                           ports::AcceptHandler on_accept);

// TCP with TLS at `at`. A connection that asks for a data link by ALPN is handed over to the Unix
// socket `hand_over_to`; if that is empty, it is closed.
stdx::Result<std::unique_ptr<ports::Listener>> listen_tcp(boost::asio::io_context& io,
                                                          const ports::Endpoint& at,
                                                          const NetTransport::Options& options,
                                                          std::string hand_over_to,
                                                          ports::AcceptHandler on_accept);

// Data links, whose connections zmesh accepts at `at` and hands over to the Unix socket `path`.
stdx::Result<std::unique_ptr<ports::Listener>> listen_data(boost::asio::io_context& io,
                                                           const ports::Endpoint& at,
                                                           const NetTransport::Options& options,
                                                           const std::string& path,
                                                           ports::AcceptHandler on_accept);

}  // namespace adapters::net
