// SPDX-License-Identifier: Apache-2.0
#pragma once

// Port 9201 is shared: zmesh takes every connection in, looks at the ALPN of its ClientHello
// without reading it (adapters/tls, offered_protocols), and hands those that open a data link to
// zrun over a Unix socket (SCM_RIGHTS), which does the TLS handshake itself.

#include <string>

#include "stdx/result.h"

namespace adapters::net {

// Sends `fd` to who listens at `socket_path`; the caller still owns (and closes) its copy.
stdx::Status hand_over(const std::string& socket_path, int fd);

// Receives one handed-over descriptor from a ready handoff socket; -1 when there is none.
int receive_handed_over(int handoff_fd);

// A bound handoff socket (datagrams, mode 0600) at `socket_path`, replacing a stale one.
stdx::Result<int> open_handoff(const std::string& socket_path);

}  // namespace adapters::net
