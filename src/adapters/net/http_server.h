// SPDX-License-Identifier: Apache-2.0
#pragma once

// HTTP/1.1 in front of a service: bounds, access, /metrics, WebSocket upgrades.
//
// Bounds: header 16 KB, body 1 MB or what the options say for an upload route, connections as
// HttpSeats says, 5 s for a request's header, 30 s idle between two, 10 s without a byte of a body,
// for all of it 60 s and a second per 256 KiB, 60 s for the service's answer (then 504). Compressed
// bodies, chunked surprises and HTTP/2 are refused.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/loop/loop.h"
#include "adapters/net/http_seats.h"
#include "adapters/tls/session.h"
#include "ports/cluster_key.h"
#include "ports/http.h"
#include "ports/log.h"
#include "ports/metrics.h"
#include "wire/revoked_tokens.h"

namespace adapters::net {

class HttpServer {
 public:
  struct Options {
    std::string ip;
    std::uint16_t port = 0;
    // What else clients may call this server (Host), without the port.
    std::vector<std::string> more_hosts = {};
    // HTTPS with the certificate that it shows and the authorities that it trusts. A client without
    // a certificate gets in, as a caller of role `none`: what it may ask is for the service to say.
    // Null: plain HTTP, on loopback.
    const tls::Context* identity = nullptr;
    std::string token;  // operator token; empty asks for none
    // "POST /v1/topologies": bodies up to upload_bytes_max there.
    std::vector<std::string> upload_routes;
    std::size_t upload_bytes_max = 256u << 20;
    // Paths whose WebSocket is for machines (binary frames); others carry text for pages.
    std::vector<std::string> binary_sockets;
    // Paths where the service checks who asks: the control plane's join protocol.
    std::vector<std::string> join_paths;
    // Whose rows of wire/access_table.h count; of which zhost the operator token is; and what
    // access tokens are checked with. No service: the operator token opens everything.
    std::string service, zhost;
    ports::ClusterKey* key = nullptr;
    const wire::RevokedTokens* revoked = nullptr;
    ports::Log* audit = nullptr;  // http_audit.h
    // Of /metrics, beside those of the registry: what is made when somebody asks.
    std::function<std::vector<ports::Metrics::Family>()> more_metrics;
    // What anybody may ask for, under any Host and from any Origin, as an application answers
    // there: a name for who does, given once, when the header is there; empty: nobody. The handler
    // gets that name in the header ":door", the target as it was sent in ":target", and no token of
    // ours.
    std::function<std::string(const ports::HttpRequest& head)> door = {};
    // Whether a WebSocket is refused, and with what answer, before the connection leaves the bounds
    // of this server. None is given: only paths of binary_sockets have one.
    std::function<std::optional<ports::HttpResponse>(const ports::HttpRequest& head)>
        refuse_websocket = {};
    HttpSeats::Limits seats = {};
    stdx::Duration body_idle = std::chrono::seconds(10);
  };

  HttpServer(loop::Loop& loop, ports::Log& log, ports::Metrics& metrics,
             ports::HttpHandler& handler, Options options);
  ~HttpServer();

  // Code::already_exists names the holder of a busy port; Code::denied for plain HTTP off
  // loopback.
  stdx::Status start();
  std::uint16_t port() const;

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace adapters::net
