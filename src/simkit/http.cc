// SPDX-License-Identifier: Apache-2.0
#include "simkit/http.h"

#include "stdx/text.h"

namespace simkit {

using stdx::Code;

class SimHttpClient final : public ports::HttpClient {
 public:
  SimHttpClient(HttpNetwork& http, Process& process, const StubIdentity* identity)
      : http_(http), process_(process), identity_(identity) {}

  void request(const ports::Endpoint& to, ports::HttpRequest request, stdx::Duration timeout,
               std::function<void(stdx::Result<ports::HttpResponse>)> done) override {
    // Answered once: by the response or by the timeout, whichever comes first.
    auto once =
        std::make_shared<std::function<void(stdx::Result<ports::HttpResponse>)>>(std::move(done));
    const auto answer = [once](stdx::Result<ports::HttpResponse> result) {
      if (auto call = std::exchange(*once, nullptr)) call(std::move(result));
    };
    process_.after(timeout, [answer, to] {
      answer(stdx::fail(Code::timeout, "no HTTP answer from " + ports::to_string(to)));
    });
    const auto at = http_.servers_.find({to.host, to.port});
    auto& network = http_.network_;
    const std::string from = process_.zhost();
    if (at == http_.servers_.end() || at->second.alive.expired()) {
      process_.deliver(std::chrono::milliseconds(1), "http", [answer, to] {
        answer(stdx::fail(Code::unavailable, "nothing answers at " + ports::to_string(to)));
      });
      return;
    }
    auto& server = at->second;
    const std::string there = server.process->zhost();
    if (network.is_cut(from, there)) return;
    if (to.kind == ports::Endpoint::Kind::https) {
      const auto shaken = Network::handshake(to.kind, {from, identity_}, {there, server.identity});
      if (!shaken) {
        process_.deliver(std::chrono::milliseconds(1), "http", [answer, to, why = shaken.error()] {
          answer(stdx::fail(why.code, stdx::format("{}: {}", ports::to_string(to), why.message)));
        });
        return;
      }
      request.caller = shaken->client;
    }
    server.process->deliver(
        std::chrono::microseconds(300), "http",
        [&network, &client = process_, client_alive = process_.alive(), handler = server.handler,
         from, there, answer, request = std::move(request)]() mutable {
          handler->handle(std::move(request), [&network, &client, client_alive, from, there,
                                               answer](ports::HttpResponse response) {
            if (network.is_cut(there, from) || client_alive.expired()) return;
            client.deliver(std::chrono::microseconds(300), "http",
                           [answer, response = std::move(response)] { answer(response); });
          });
        });
  }

 private:
  HttpNetwork& http_;
  Process& process_;
  const StubIdentity* identity_;
};

void HttpNetwork::serve(const std::string& ip, std::uint16_t port, Process& process,
                        ports::HttpHandler& handler, const StubIdentity* identity) {
  servers_[{ip, port}] = {&process, process.alive(), &handler, identity};
}

std::unique_ptr<ports::HttpClient> HttpNetwork::client(Process& process,
                                                       const StubIdentity* identity) {
  return std::make_unique<SimHttpClient>(*this, process, identity);
}

}  // namespace simkit
