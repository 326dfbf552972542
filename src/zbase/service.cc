// SPDX-License-Identifier: Apache-2.0
#include "zbase/service.h"

#include <algorithm>

#include "samoza/v1/tokens.pb.h"
#include "stdx/text.h"
#include "wire/json.h"
#include "zbase/zhost_metrics.h"

namespace zbase {
namespace {

using namespace std::chrono_literals;
constexpr stdx::Duration look_interval = 1s;
constexpr stdx::Duration metrics_timeout = 3s;
constexpr int gathering_max = 4;

v1::Hello hello_of(const Options& options) {
  v1::Hello hello;
  hello.set_service("zbase");
  hello.set_zhost(options.zhost);
  hello.set_pid(options.pid);
  hello.set_version(options.version);
  return hello;
}

v1::SnapshotRequest children_only() {
  v1::SnapshotRequest request;
  request.set_children_only(true);
  return request;
}

const char* health_of(v1::ChildState state) {
  switch (state) {
    case v1::CHILD_UP:
      return "up";
    case v1::CHILD_RESTARTING:
      return "starting";
    default:
      return "down";
  }
}

}  // namespace

Service::Service(ports::Runtime& runtime, ports::Transport& transport, ports::CopyStore& copies,
                 Options options)
    : runtime_(runtime),
      options_(std::move(options)),
      started_(runtime.clock.now()),
      startz_(runtime, transport, {"startz", hello_of(options_)}),
      zmesh_(runtime, transport, {"zmesh", hello_of(options_)}),
      copies_(runtime, copies, zmesh_.endpoint()),
      timer_(runtime.executor) {
  startz_.on("service.stop", [this](const rpc::Caller&, stdx::BytesView, rpc::Response respond) {
    respond(stdx::Bytes());
    if (on_stop) on_stop();
  });
  startz_.on("service.ping", [](const rpc::Caller&, stdx::BytesView, rpc::Response respond) {
    respond(stdx::Bytes());
  });
  zmesh_.on("zmesh.revoked",
            rpc::event<v1::RevokedTokens>([this](const rpc::Caller&, v1::RevokedTokens revoked) {
              if (on_revoked) on_revoked({revoked.tokens().begin(), revoked.tokens().end()});
            }));
  router_.add("GET", "/v1/services", [this](wire::RouteMatch, ports::HttpReply reply) {
    reply(wire::json_response(list()));
  });
  router_.add("GET", "/v1/services/{name}", [this](wire::RouteMatch match, ports::HttpReply reply) {
    const auto at = services_.find(match.parameters["name"]);
    if (at == services_.end())
      return reply(wire::error_response(
          {stdx::Code::not_found,
           stdx::format("no service '{}' on zhost '{}'",
                        stdx::printable(match.parameters["name"], 60), options_.zhost)}));
    reply(wire::json_response(at->second));
  });
  router_.add("GET", "/v1/status", [this](wire::RouteMatch, ports::HttpReply reply) {
    reply(wire::json_response(stdx::format(
        R"({{"service":"zbase","status":"{}","zhost":"{}","services":{},"uptime_ms":{}}})",
        startz_.connected() ? "connected" : "error", options_.zhost, services_.size(),
        stdx::to_ms(runtime_.clock.now() - started_))));
  });
  // startz serves no HTTP; its numbers are shown here.
  router_.add("GET", "/startz/metrics", [this](wire::RouteMatch, ports::HttpReply reply) {
    startz_.request(rpc::address("", "startz"), "startz.metrics", "", 1s,
                    [reply](stdx::Result<stdx::Bytes> text) {
                      if (!text) return reply(wire::error_response(text.error()));
                      ports::HttpResponse response;
                      response.content_type = "text/plain; version=0.0.4";
                      response.body = std::move(*text);
                      reply(std::move(response));
                    });
  });
  router_.add("GET", "/metrics/zhost", [this](wire::RouteMatch, ports::HttpReply reply) {
    zhost_metrics(std::move(reply));
  });
  router_.add("GET", "/startz/healthz", [this](wire::RouteMatch, ports::HttpReply reply) {
    if (startz_.connected()) return reply(wire::json_response(R"({"status":"ok"})"));
    reply(wire::error_response({stdx::Code::unavailable, "startz is away"}));
  });
  router_.add("GET", "/healthz", [this](wire::RouteMatch, ports::HttpReply reply) {
    if (startz_.connected()) return reply(wire::json_response(R"({"status":"ok"})"));
    reply(wire::error_response({stdx::Code::unavailable, "startz is away"}));
  });
}

void Service::start() {
  startz_.start();
  zmesh_.start();
  look();
}

// All services are asked at once; one that does not answer in time is shown as down.
void Service::zhost_metrics(ports::HttpReply reply) {
  if (gathering_ >= gathering_max)
    return reply(wire::error_response({stdx::Code::full, "several scrapes are under way"}));
  ++gathering_;
  struct Gathering {
    std::vector<std::pair<std::string, stdx::Result<std::string>>> pages;
    std::size_t missing = 0;
  };
  const auto gathering = std::make_shared<Gathering>();
  gathering->missing = options_.endpoints.size() + 1;
  const auto arrived = [this, gathering, reply](const std::string& service,
                                                stdx::Result<std::string> page) {
    gathering->pages.emplace_back(service, std::move(page));
    if (--gathering->missing > 0) return;
    --gathering_;
    std::sort(gathering->pages.begin(), gathering->pages.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    ports::HttpResponse response;
    response.content_type = "text/plain; version=0.0.4";
    response.body = zbase::zhost_metrics(gathering->pages);
    reply(std::move(response));
  };
  startz_.request(
      rpc::address("", "startz"), "startz.metrics", "", metrics_timeout,
      [arrived](stdx::Result<stdx::Bytes> text) { arrived("startz", std::move(text)); });
  for (const auto& [service, endpoint] : options_.endpoints) {
    ports::HttpRequest request;
    request.path = "/metrics";
    options_.http->request(
        endpoint, std::move(request), metrics_timeout,
        [arrived, service = service](stdx::Result<ports::HttpResponse> response) {
          if (!response) return arrived(service, std::unexpected(response.error()));
          if (response->status != 200)
            return arrived(service, stdx::fail(stdx::Code::failed, "no metrics"));
          arrived(service, std::move(response->body));
        });
  }
}

void Service::look() {
  startz_.request(rpc::address("", "startz"), "startz.snapshot",
                  children_only().SerializeAsString(), 1s,
                  rpc::expect<v1::Snapshot>([this](stdx::Result<v1::Snapshot> snapshot) {
                    if (snapshot) learn(*snapshot);
                  }));
  timer_.set(look_interval, [this] { look(); });
}

void Service::learn(const v1::Snapshot& snapshot) {
  for (const auto& child : snapshot.children()) {
    auto& info = services_[child.name()];
    const std::string health = health_of(child.state());
    if (info.health() != health || info.pid() != child.pid())
      info.set_since(stdx::format_rfc3339(runtime_.clock.wall()));
    info.set_name(child.name());
    info.set_health(health);
    info.set_pid(child.pid());
    info.set_version(options_.version);
    const auto url = options_.urls.find(child.name());
    if (url != options_.urls.end()) info.set_url(url->second);
  }
}

v1::ServiceList Service::list() const {
  v1::ServiceList list;
  for (const auto& [name, info] : services_) *list.add_services() = info;
  return list;
}

void Service::handle(ports::HttpRequest request, ports::HttpReply reply) {
  router_.route(std::move(request), std::move(reply));
}

}  // namespace zbase
