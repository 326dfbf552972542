// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "adapters/loop/loop.h"
#include "adapters/net/http_client.h"
#include "adapters/net/http_server.h"
#include "adapters/net/http_text.h"
#include "adapters/net/transport.h"
#include "simkit/process.h"

namespace adapters::net {
namespace {

using namespace std::chrono_literals;

struct Echo final : ports::HttpHandler {
  std::unique_ptr<ports::Link> socket;
  void handle(ports::HttpRequest request, ports::HttpReply reply) override {
    ports::HttpResponse response;
    response.body = request.method + " " + request.path + " " + std::to_string(request.body.size());
    for (auto& [name, value] : request.query) response.body += " " + name + "=" + value;
    reply(std::move(response));
  }
  void handle_websocket(ports::HttpRequest request, std::unique_ptr<ports::Link> link) override {
    socket = std::move(link);
    socket->start({.on_frame = [this, path = request.path](
                                   stdx::Bytes frame) { socket->send(path + ":" + frame); },
                   .on_closed = [this](const stdx::Error&) { socket.reset(); },
                   .on_writable = {}});
  }
};

struct Fixture {
  simkit::World world{1};
  simkit::Process quiet{world, "z", "test"};  // its log and randomness only
  loop::Loop loop;
  ports::Metrics metrics;
  Echo echo;
  HttpServer server;
  NetHttpClient client{loop, "127.0.0.1"};

  Fixture()
      : server(loop, quiet, quiet, metrics, echo,
               {.ip = "127.0.0.1",
                .port = 0,
                .token = "t",
                .upload_routes = {"POST /upload"},
                .upload_bytes_max = 8u << 20,
                .binary_sockets = {},
                .join_paths = {"/join"},
                .open_paths = {"/open"}}) {
    EXPECT_TRUE(server.start());
  }
  stdx::Result<ports::HttpResponse> ask(ports::HttpRequest request) {
    stdx::Result<ports::HttpResponse> got = stdx::fail(stdx::Code::failed, "nothing came");
    client.request(ports::Endpoint::tcp("127.0.0.1", server.port()), std::move(request), 10s,
                   [&](auto response) {
                     got = std::move(response);
                     loop.stop();
                   });
    loop.run();
    loop.restart();
    return got;
  }
  stdx::Result<ports::HttpResponse> ask(std::string method, std::string path, stdx::Bytes body = "",
                                        std::map<std::string, std::string> headers = {
                                            {"Authorization", "Bearer t"}}) {
    ports::HttpRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.body = std::move(body);
    request.headers = std::move(headers);
    return ask(std::move(request));
  }
  std::string raw(const std::string& text) {
    const auto command = "bash -c \"exec 3<>/dev/tcp/127.0.0.1/" + std::to_string(server.port()) +
                         "; printf '" + text + "' >&3; timeout 3 head -n 1 <&3\"";
    FILE* pipe = popen(command.c_str(), "r");
    // Served while the other end waits: the loop runs until its answer line is there.
    std::string line;
    std::function<void()> look;
    const int fd = fileno(pipe);
    look = [&] {
      fd_set set;
      FD_ZERO(&set);
      FD_SET(fd, &set);
      timeval none{};
      if (select(fd + 1, &set, nullptr, nullptr, &none) > 0) {
        char buffer[512] = {};
        if (fgets(buffer, sizeof buffer, pipe)) line = buffer;
        loop.stop();
      } else {
        loop.after(1ms, [&] { look(); });
      }
    };
    loop.post([&] { look(); });
    loop.run();
    loop.restart();
    pclose(pipe);
    return line;
  }
};

TEST(HttpServerTest, ARequestReachesTheServiceDecodedAndWhole) {
  Fixture f;
  ports::HttpRequest request;
  request.method = "POST";
  request.path = "/v1/a b";
  request.query = {{"x", "1&2"}};
  request.headers = {{"Authorization", "Bearer t"}};
  request.body = "12345";
  const auto response = f.ask(std::move(request));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "POST /v1/a b 5 x=1&2");
  EXPECT_EQ(response->headers.at("X-Content-Type-Options"), "nosniff");
}

TEST(HttpServerTest, BodiesAreBoundedByRouteAndAccessIsChecked) {
  Fixture f;
  EXPECT_EQ(f.ask("POST", "/x", std::string(2u << 20, 'a'))->status, 413);
  EXPECT_EQ(f.ask("POST", "/upload", std::string(2u << 20, 'a'))->status, 200);
  EXPECT_EQ(f.ask("GET", "/x", "", {})->status, 401);
  EXPECT_EQ(f.ask("GET", "/open", "", {})->status, 200);
  EXPECT_EQ(f.ask("GET", "/metrics", "", {})->status, 200);
  EXPECT_NE(f.ask("GET", "/metrics", "", {})->body.find("samoza_http_requests_total"),
            std::string::npos);
}

TEST(HttpServerTest, WhatIsNotHttpIsRefusedAndTheServerGoesOn) {
  Fixture f;
  for (auto text : {"GARBAGE\\r\\n\\r\\n", "GET /%%2e%%2e/x HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n",
                    "GET / HTTP/1.1\\r\\n\\r\\n", "GET http://x/ HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n",
                    "POST / HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 1\\r\\nContent-Length: "
                    "2\\r\\n\\r\\n"})
    EXPECT_NE(f.raw(text).find(" 400 "), std::string::npos) << text;
  EXPECT_EQ(f.ask("GET", "/x")->status, 200);
}

TEST(HttpServerTest, ATargetIsDecodedOnceAndStrictly) {
  EXPECT_EQ(split_target("/a%20b?x=%C3%A4")->query.at("x"), "ä");
  // `cluster backup /var/backups/x.db`: a value may name a file.
  EXPECT_EQ(split_target("/a?path=%2Fvar%2Fx.db")->query.at("path"), "/var/x.db");
  for (auto bad :
       {"", "x", "/%", "/%zz", "/%00", "/a%2fb", "/a/../b", "/%2e%2e/", "/%ff", "/?a=1&a=2"})
    EXPECT_FALSE(split_target(bad)) << bad;
}

TEST(HttpServerTest, AWebSocketIsALinkOfTextFrames) {
  Fixture f;
  char folder[] = "/tmp/samoza-http-XXXXXX";
  NetTransport transport(f.loop, {mkdtemp(folder), "127.0.0.1", ""});
  std::unique_ptr<ports::Link> link;
  std::string got;
  transport.connect({ports::Endpoint::Kind::websocket, "127.0.0.1", f.server.port(), "/join"},
                    [&](auto l) {
                      ASSERT_TRUE(l) << l.error().message;
                      link = std::move(*l);
                      link->start({.on_frame =
                                       [&](stdx::Bytes frame) {
                                         got = frame;
                                         f.loop.stop();
                                       },
                                   .on_closed = {},
                                   .on_writable = {}});
                      link->send("hi");
                    });
  f.loop.run();
  f.loop.restart();
  EXPECT_EQ(got, "/join:hi");
  link.reset();
  rmdir(folder);
}

TEST(HttpServerTest, AJoinPathIsLeftToItsServiceAndNoOtherPathIs) {
  Fixture f;
  EXPECT_EQ(f.ask("GET", "/join", "", {})->status, 200);
  EXPECT_EQ(f.ask("GET", "/join/", "", {})->status, 401);
  EXPECT_EQ(f.ask("GET", "/x", "", {})->status, 401);
  char folder[] = "/tmp/samoza-http-XXXXXX";
  NetTransport transport(f.loop, {mkdtemp(folder), "127.0.0.1", ""});
  stdx::Result<std::unique_ptr<ports::Link>> link = nullptr;
  transport.connect({ports::Endpoint::Kind::websocket, "127.0.0.1", f.server.port(), "/x"},
                    [&](auto l) {
                      link = std::move(l);
                      f.loop.stop();
                    });
  f.loop.run();
  f.loop.restart();
  ASSERT_FALSE(link);
  // The message of the body, whole: neither its JSON nor the newline after it.
  EXPECT_TRUE(link.error().message.ends_with(
      " answers 401: the operator token is missing or wrong; zshell finds it in run_dir/token"))
      << link.error().message;
  rmdir(folder);
}

TEST(HttpClientTest, NobodyThereIsUnavailable) {
  Fixture f;
  stdx::Error error;
  f.client.request(ports::Endpoint::tcp("127.0.0.1", 1), {}, 5s, [&](auto response) {
    error = response.error();
    f.loop.stop();
  });
  f.loop.run();
  EXPECT_EQ(error.code, stdx::Code::unavailable);
}

}  // namespace
}  // namespace adapters::net
