// SPDX-License-Identifier: Apache-2.0
#pragma once

// Maps "METHOD /path/{name}" to a handler; one per service. Unknown path: 404. Known path, other
// method: 405 with Allow. A pattern's {name} matches one segment.

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ports/http.h"

namespace wire {

struct RouteMatch {
  ports::HttpRequest request;
  std::map<std::string, std::string> parameters;  // by the {names} of the pattern
};

class HttpRouter {
 public:
  using Handler = std::function<void(RouteMatch, ports::HttpReply)>;

  // Patterns are fixed at construction of a service; adding one twice is a broken invariant.
  void add(std::string_view method, std::string_view pattern, Handler handler);
  void route(ports::HttpRequest request, ports::HttpReply reply) const;

  // "GET /v1/status", sorted: for documentation tests.
  std::vector<std::string> routes() const;

 private:
  struct Route {
    std::string method, pattern;
    std::vector<std::string> segments;
    Handler handler;
  };
  std::vector<Route> routes_;
};

}  // namespace wire
