// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapters/loop/loop.h"
#include "adapters/net/http_client.h"
#include "adapters/net/http_server.h"
#include "adapters/net/http_text.h"
#include "simkit/process.h"

namespace adapters::net {
namespace {

using namespace std::chrono_literals;

struct Echo final : ports::HttpHandler {
  void handle(ports::HttpRequest request, ports::HttpReply reply) override {
    ports::HttpResponse response;
    response.body = request.method + " " + request.path + " " + std::to_string(request.body.size());
    for (auto& [name, value] : request.query) response.body += " " + name + "=" + value;
    for (const auto* name : {":target", "authorization", ":door"})
      if (request.path.starts_with("/public") && request.headers.contains(name))
        response.body += " [" + request.headers[name] + "]";
    if (request.path == "/public/long") response.headers["x"] = std::string(70'000, 'a');
    if (request.path == "/public/split") response.headers["x"] = "a\r\nb: c";
    if (request.path == "/public/empty") response.status = 204;
    reply(std::move(response));
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

  explicit Fixture(HttpSeats::Limits seats = {}, stdx::Duration body_idle = 10s)
      : server(loop, quiet, metrics, echo,
               {.ip = "127.0.0.1",
                .port = 0,
                .token = "t",
                .upload_routes = {"POST /upload"},
                .upload_bytes_max = 8u << 20,
                .binary_sockets = {},
                .join_paths = {"/join"},
                .door =
                    [](const ports::HttpRequest& head) {
                      return head.path.starts_with("/public") ? "public" : "";
                    },
                .seats = seats,
                .body_idle = body_idle}) {
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

TEST(HttpServerTest, AWebSocketThatNobodyOffersIsRefusedBeforeTheConnectionLeavesItsBounds) {
  Fixture f;
  const std::string upgrade =
      " HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n"
      "Sec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\\r\\n\\r\\n";
  EXPECT_TRUE(f.raw("GET /public/x" + upgrade).starts_with("HTTP/1.1 404"));
}

TEST(HttpServerTest, WhereAnApplicationAnswersNoTokenIsAskedForAndTheOperatorsIsNotPassedOn) {
  Fixture f;
  EXPECT_EQ(f.ask("GET", "/public/a b", "", {{"Origin", "https://other.example"}})->body,
            "GET /public/a b 0 [/public/a%20b] [public]");
  EXPECT_EQ(f.ask("GET", "/public", "", {{"Authorization", "Bearer t"}})->body,
            "GET /public 0 [/public] [public]");
  EXPECT_EQ(f.ask("GET", "/public", "", {{"Authorization", "Bearer other"}})->body,
            "GET /public 0 [/public] [Bearer other] [public]");
  EXPECT_EQ(f.ask("GET", "/private", "", {})->status, 401);
  EXPECT_EQ(f.raw("GET /public HTTP/1.1\\r\\nHost: shop.example\\r\\n\\r\\n").substr(0, 12),
            "HTTP/1.1 200");
  EXPECT_EQ(f.raw("GET /private HTTP/1.1\\r\\nHost: shop.example\\r\\n\\r\\n").substr(0, 12),
            "HTTP/1.1 421");
}

TEST(HttpServerTest, AnAnswerThatCantBeSentIsAnErrorAndTheServerGoesOn) {
  Fixture f;
  for (const char* path : {"/public/long", "/public/split"})
    EXPECT_EQ(f.ask("GET", path, "", {})->status, 500) << path;
  EXPECT_EQ(f.ask("GET", "/public/empty", "", {})->status, 204);
  EXPECT_EQ(f.ask("GET", "/public", "", {})->status, 200);
}

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
  EXPECT_EQ(f.ask("GET", "/metrics", "", {})->status, 200);
  EXPECT_NE(f.ask("GET", "/metrics", "", {})->body.find("samoza_http_requests_total"),
            std::string::npos);
}

TEST(HttpServerTest, WhatIsNotHttpIsRefusedAndTheServerGoesOn) {
  Fixture f;
  for (auto text : {"GARBAGE\\r\\n\\r\\n", "GET /%%2e%%2e/x HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n",
                    "GET / HTTP/1.1\\r\\n\\r\\n", "GET http://x/ HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n",
                    "POST / HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 1\\r\\nContent-Length: "
                    "2\\r\\n\\r\\n",
                    "GET / HTTP/1.1\\r\\nHost: x\\r\\nAuthorization: Bearer a\\r\\nAuthorization: "
                    "Bearer b\\r\\n\\r\\n"})
    EXPECT_NE(f.raw(text).find(" 400 "), std::string::npos) << text;
  // What is not understood as a body would be read as the next request.
  for (std::string coding : {"xchunked", "gzip", "identity"})
    EXPECT_NE(
        f.raw("POST / HTTP/1.1\\r\\nHost: x\\r\\nTransfer-Encoding: " + coding + "\\r\\n\\r\\n")
            .find(" 501 "),
        std::string::npos)
        << coding;
  EXPECT_EQ(f.ask("GET", "/x")->status, 200);
}

// A client that says what it likes, and hears what comes.
class Raw {
 public:
  explicit Raw(Fixture& f) : f_(f), fd_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(f.server.port());
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to);
  }
  ~Raw() { ::close(fd_); }
  Raw& say(const std::string& text) {
    EXPECT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<long>(text.size()));
    return *this;
  }
  // What came once `done` says so or the server has closed; the loop serves meanwhile.
  std::string hear(const std::function<bool(const std::string&)>& done) {
    std::function<void()> look = [&] {
      char buffer[4096];
      const auto n = ::recv(fd_, buffer, sizeof buffer, 0);
      if (n > 0) heard_.append(buffer, static_cast<std::size_t>(n));
      closed_ = n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
      if (closed_ || done(heard_)) return f_.loop.stop();
      f_.loop.after(1ms, [&] { look(); });
    };
    f_.loop.post([&] { look(); });
    f_.loop.run();
    f_.loop.restart();
    return heard_;
  }
  bool closed() const { return closed_; }

 private:
  Fixture& f_;
  int fd_;
  std::string heard_;
  bool closed_ = false;
};

const std::function<bool(const std::string&)> until_closed = [](const std::string&) {
  return false;
};

TEST(HttpServerTest, ConnectionCloseIsHeededInEveryAnswer) {
  Fixture f;
  const auto port = std::to_string(f.server.port());
  const auto head = " HTTP/1.1\r\nHost: 127.0.0.1:" + port + "\r\nConnection: close\r\n";
  for (const std::string& request : std::vector<std::string>{
           "POST /x" + head + "Authorization: Bearer t\r\nContent-Length: 0\r\n\r\n",
           "POST /x" + head + "Authorization: Bearer t\r\n\r\n", "GET /x" + head + "\r\n",
           "GET /metrics" + head + "\r\n", "GET /x" + head + "Authorization: Bearer t\r\n\r\n"}) {
    Raw client(f);
    const auto heard = client.say(request).hear(until_closed);
    EXPECT_TRUE(client.closed());
    EXPECT_TRUE(heard.starts_with("HTTP/1.1 ")) << request;
    EXPECT_NE(heard.find("Connection: close"), std::string::npos) << heard;
  }
}

// RFC 9110, 9.3.2: what a GET would say of itself, and no byte of its body.
TEST(HttpServerTest, AHeadIsAnsweredLikeAGetWithoutItsBody) {
  Fixture f;
  const auto rest = " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(f.server.port()) +
                    "\r\nAuthorization: Bearer t\r\n";
  const auto length_of = [](const std::string& heard) {
    const auto at = heard.find("Content-Length: ");
    return at == std::string::npos ? "" : heard.substr(at, heard.find("\r\n", at) - at);
  };
  for (const std::string& path : {std::string("/metrics"), std::string("/nothing")}) {
    const auto ask = path + rest + "Connection: close\r\n\r\n";
    Raw get(f), head(f);
    const auto whole = get.say("GET " + ask).hear(until_closed);
    const auto heard = head.say("HEAD " + ask).hear(until_closed);
    EXPECT_EQ(heard.substr(0, heard.find("\r\n")), whole.substr(0, whole.find("\r\n")));
    EXPECT_EQ(length_of(heard), length_of(whole));
    EXPECT_NE(length_of(heard), "Content-Length: 0");
    EXPECT_TRUE(heard.ends_with("\r\n\r\n")) << heard;
  }
  // What comes behind it on the connection has a body again, also where it is no request.
  Raw client(f);
  client.say("HEAD /metrics" + rest + "\r\n").hear([](const std::string& heard) {
    return heard.find("\r\n\r\n") != std::string::npos;
  });
  const auto refused = client.say("nonsense\r\n\r\n").hear(until_closed);
  EXPECT_NE(refused.find("\"error\""), std::string::npos) << refused;
}

TEST(HttpServerTest, AConnectionGoesOnAfterARefusalWhereNobodyAskedToCloseIt) {
  Fixture f;
  const auto host = " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(f.server.port()) + "\r\n";
  Raw client(f);
  const auto refused =
      "POST /x" + host + "Authorization: Bearer wrong\r\nContent-Length: 0\r\n\r\n";
  const auto answers = [](std::size_t n) {
    return [n](const std::string& heard) {
      std::size_t found = 0;
      for (auto at = heard.find("\"error\""); at != std::string::npos;
           at = heard.find("\"error\"", at + 1))
        ++found;
      return found == n;
    };
  };
  client.say(refused).hear(answers(1));
  client.say(refused).hear(answers(2));
  EXPECT_FALSE(client.closed());
}

TEST(HttpServerTest, ConnectionsThatSayNothingOrHalfOfItMakeRoomForTheNextOne) {
  Fixture f({.total = 4, .of_one_source = 4, .uploads = 2});
  const auto host = " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(f.server.port()) +
                    "\r\nAuthorization: Bearer t\r\n";
  std::vector<std::unique_ptr<Raw>> stalled;
  for (int i = 0; i < 12; ++i) {
    stalled.push_back(std::make_unique<Raw>(f));
    if (i % 3 == 1) stalled.back()->say("GET /x HT");
    if (i % 3 == 2)
      stalled.back()->say("POST /upload" + host + "Content-Length: 2000000\r\n\r\nhalf");
  }
  EXPECT_EQ(f.ask("GET", "/x")->status, 200);
  const auto text = f.ask("GET", "/metrics", "", {})->body;
  EXPECT_NE(text.find("samoza_http_connections_ended_total{why=\"made room\"}"), std::string::npos);
}

TEST(HttpServerTest, AnUploadThatStallsIsEndedAndCountedAndFreesItsPlace) {
  Fixture f({.total = 9, .of_one_source = 9, .uploads = 1}, 50ms);
  const auto head = "POST /upload HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(f.server.port()) +
                    "\r\nAuthorization: Bearer t\r\nContent-Length: 2000000\r\n\r\n";
  Raw first(f), second(f);
  first.say(head + "half");
  const auto refused = second.say(head).hear(
      [](const std::string& heard) { return heard.find("429") != std::string::npos; });
  EXPECT_NE(refused.find("429"), std::string::npos) << refused;
  first.hear(until_closed);
  EXPECT_TRUE(first.closed());
  EXPECT_EQ(f.ask("POST", "/upload", std::string(2u << 20, 'a'))->status, 200);
  EXPECT_NE(f.ask("GET", "/metrics", "", {})
                ->body.find("samoza_http_connections_ended_total{why=\"stalled\"} 1"),
            std::string::npos);
}

TEST(HttpServerTest, ATargetIsDecodedOnceAndStrictly) {
  EXPECT_EQ(split_target("/a%20b?x=%C3%A4")->query.at("x"), "ä");
  // `cluster backup /var/backups/x.db`: a value may name a file.
  EXPECT_EQ(split_target("/a?path=%2Fvar%2Fx.db")->query.at("path"), "/var/x.db");
  for (auto bad :
       {"", "x", "/%", "/%zz", "/%00", "/a%2fb", "/a/../b", "/%2e%2e/", "/%ff", "/?a=1&a=2"})
    EXPECT_FALSE(split_target(bad)) << bad;
}

TEST(HttpServerTest, AJoinPathIsLeftToItsServiceAndNoOtherPathIs) {
  Fixture f;
  EXPECT_EQ(f.ask("GET", "/join", "", {})->status, 200);
  EXPECT_EQ(f.ask("GET", "/join/", "", {})->status, 401);
  EXPECT_EQ(f.ask("GET", "/x", "", {})->status, 401);
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
