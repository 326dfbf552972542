// SPDX-License-Identifier: Apache-2.0
#include "zmesh/http_message.h"

#include <gtest/gtest.h>

namespace zmesh {
namespace {

TEST(HttpMessageTest, ARequestIsPassedOnAsItWasSent) {
  ports::HttpRequest request;
  request.method = "PUT";
  request.path = "/shop/a b";
  request.headers = {{":target", "/shop/a%20b?x=1&y"},
                     {"host", "shop.example"},
                     {"x-custom", "1"},
                     {"content-length", "99"}};
  request.body = "body";
  EXPECT_EQ(request_message(request),
            "PUT /shop/a%20b?x=1&y HTTP/1.1\r\nhost: shop.example\r\nx-custom: 1\r\n"
            "content-length: 4\r\n\r\nbody");
}

TEST(HttpMessageTest, WithoutItsTargetOneIsMadeOfItsParts) {
  ports::HttpRequest request;
  request.path = "/shop/a b";
  request.query = {{"q", "x&y"}, {"z", ""}};
  EXPECT_EQ(request_message(request), "GET /shop/a%20b?q=x%26y&z= HTTP/1.1\r\n\r\n");
}

TEST(HttpMessageTest, HeadersOfOneConnectionAndTheOperatorsCookieGoNoFurther) {
  ports::HttpRequest request;
  request.headers = {{"connection", "close, X-Mine"},
                     {"x-mine", "1"},
                     {"upgrade", "h2c"},
                     {"te", "trailers"},
                     {"transfer-encoding", "chunked"},
                     {"keep-alive", "5"},
                     {"cookie", "a=1; samoza_session=secret; b=2"},
                     {":target", "/x"}};
  EXPECT_EQ(request_message(request), "GET /x HTTP/1.1\r\ncookie: a=1; b=2\r\n\r\n");
  request.headers = {{"cookie", "samoza_session=secret"}, {":target", "/x"}};
  EXPECT_EQ(request_message(request), "GET /x HTTP/1.1\r\n\r\n");
}

TEST(HttpMessageTest, AnAnswerIsAResponseOrTheBodyOfOne) {
  auto response = response_of(
      "HTTP/1.1 201 Created\r\nContent-Type: text/html\r\nLocation: /shop/1\r\n\r\n<p>");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->content_type, "text/html");
  EXPECT_EQ(response->headers, (std::map<std::string, std::string>{{"location", "/shop/1"}}));
  EXPECT_EQ(response->body, "<p>");
  response = response_of("hello");
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(response->body, "hello");
  EXPECT_EQ(response_of("\xff")->content_type, "application/octet-stream");
  EXPECT_EQ(response_of("HTTP/1.1 204 No Content\r\n\r\nbody")->body, "");
  EXPECT_EQ(response_of("HTTP/1.1 200\n\nshort lines")->body, "short lines");
}

TEST(HttpMessageTest, ASpaceDoesNotDecideOnTheConnectionOrTheLength) {
  const auto response = response_of(
      "HTTP/1.1 200 OK\r\nConnection: X-Own\r\nX-Own: 1\r\nContent-Length: 5\r\n"
      "Transfer-Encoding: chunked\r\nVary: a\r\nVary: b\r\n\r\nlonger than five");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->headers, (std::map<std::string, std::string>{{"vary", "a, b"}}));
  EXPECT_EQ(response->body, "longer than five");
}

TEST(HttpMessageTest, WhatIsNoResponseIsRefused) {
  for (const char* bad :
       {"HTTP/1.1 ", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 999 x\r\n\r\n",
        "HTTP/1.1 2000 x\r\n\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n", "HTTP/1.1 200 OK\r\na: b\rc: d\r\n\r\n",
        "HTTP/1.1 200 OK\r\n folded\r\n\r\n", "HTTP/1.1 200 OK\r\n: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nSet-Cookie: samoza_session=x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nSet-Cookie: samoza_session =x\r\n\r\n"})
    EXPECT_FALSE(response_of(bad)) << bad;
  EXPECT_FALSE(response_of(stdx::BytesView("HTTP/1.1 200 OK\r\na: \0\r\n\r\n", 24)));
}

TEST(HttpMessageTest, AHeaderThatIsTooLongIsRefusedAndOneThatNamesManyOthersCostsLittle) {
  EXPECT_FALSE(response_of("HTTP/1.1 200 OK\r\nx: " + std::string(70'000, 'a') + "\r\n\r\n"));
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 100'000; ++i) many += "abc" + std::to_string(i) + ":\r\n";
  EXPECT_FALSE(response_of(many + "\r\n"));
  std::string names = "HTTP/1.1 200 OK\r\nx-own: 1\r\nConnection: x-own";
  for (int i = 0; i < 5'000; ++i) names += ",a";
  const auto response = response_of(names + "\r\n\r\nbody");
  ASSERT_TRUE(response);
  EXPECT_TRUE(response->headers.empty());
}

TEST(HttpMessageTest, AFailureHasItsStatus) {
  using stdx::Code;
  EXPECT_EQ(response_of(stdx::Error{Code::failed, "trap"}).status, 502);
  EXPECT_EQ(response_of(stdx::Error{Code::unknown, "gone"}).status, 502);
  EXPECT_EQ(response_of(stdx::Error{Code::timeout, "late"}).status, 504);
  const auto away = response_of(stdx::Error{Code::unavailable, "away"});
  EXPECT_EQ(away.status, 503);
  EXPECT_EQ(away.headers.at("Retry-After"), "1");
  EXPECT_EQ(response_of(stdx::Error{Code::full, "full"}).status, 503);
  EXPECT_EQ(response_of(stdx::Error{Code::denied, "of the version before"}).status, 503);
}

}  // namespace
}  // namespace zmesh
