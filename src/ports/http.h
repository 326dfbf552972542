// SPDX-License-Identifier: Apache-2.0
#pragma once

// HTTP/1.1 as a service sees it: whole requests in, whole responses out. The adapter bounds header,
// body and time, checks Host, Origin and the operator token before a request gets here
// (docs/http.md), and turns WebSocket upgrades into Links of text or binary frames.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "ports/transport.h"
#include "stdx/result.h"
#include "stdx/time.h"

namespace ports {

struct HttpRequest {
  std::string method = "GET";
  std::string path = "/";                      // decoded, without the query
  std::map<std::string, std::string> query;    // decoded
  std::map<std::string, std::string> headers;  // names in lower case
  stdx::Bytes body;
  // The address that it came from; empty: not known.
  std::string source{};
  Identity caller;  // by its certificate; of role `none`: it showed none
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  stdx::Bytes body;
  std::map<std::string, std::string> headers;
};

using HttpReply = std::function<void(HttpResponse)>;

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  // `reply` is called exactly once, now or later, from the service's loop. After 60 s the adapter
  // answers 504 itself and ignores what comes.
  virtual void handle(HttpRequest request, HttpReply reply) = 0;
  // A WebSocket was opened at request.path. Destroying the link refuses or ends it.
  virtual void handle_websocket(HttpRequest request, std::unique_ptr<Link> link) {
    (void)request;
    link.reset();
  }
};

class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // Calls back exactly once. Code::unavailable: not connected, not carried out. Code::timeout or
  // Code::unknown: it may have been carried out.
  virtual void request(const Endpoint& to, HttpRequest request, stdx::Duration timeout,
                       std::function<void(stdx::Result<HttpResponse>)> done) = 0;
};

}  // namespace ports
