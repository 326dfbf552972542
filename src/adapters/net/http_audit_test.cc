// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/http_audit.h"

#include <gtest/gtest.h>

#include "adapters/net/http_access.h"
#include "stdx/text.h"
#include "wire/json.h"

namespace adapters::net {
namespace {

using namespace std::chrono_literals;

struct Lines final : ports::Log {
  std::vector<std::string> lines;
  void write(ports::Level, std::string_view event, ports::Fields fields) override {
    std::string line(event);
    for (const auto& field : fields)
      line += "|" +
              std::visit([](const auto& value) { return stdx::format("{}", value); }, field.value);
    lines.push_back(std::move(line));
  }
};

ports::HttpRequest request(const std::string& method, const std::string& path,
                           const std::string& actor = "") {
  ports::HttpRequest asked;
  asked.method = method;
  asked.path = path;
  asked.source = "127.0.0.9";
  if (!actor.empty()) asked.headers[HttpAccess::actor_header] = actor;
  return asked;
}

TEST(HttpAuditTest, WhatMayChangeSomethingIsNotedWithWhoAskedAndWhatCameOfIt) {
  Lines log;
  HttpAudit audit("zrms", &log);
  const auto entry = audit.begin(request("DELETE", "/v1/topologies/shop", "token 0123"));
  ASSERT_TRUE(entry);
  EXPECT_TRUE(log.lines.empty()) << "with its answer";
  audit.answered(*entry, {});
  audit.answered(*entry, wire::error_response({stdx::Code::not_found, "no topology 'shop'"}));
  EXPECT_EQ(log.lines,
            (std::vector<std::string>{
                "request|token 0123|127.0.0.9|DELETE /v1/topologies/shop|200|",
                "request|token 0123|127.0.0.9|DELETE /v1/topologies/shop|404|no topology 'shop'"}));
}

TEST(HttpAuditTest, ReadsAndMessagesOfApplicationsAreNot) {
  Lines log;
  EXPECT_FALSE(HttpAudit("zrms", &log).begin(request("GET", "/v1/topologies", "token 0123")));
  EXPECT_FALSE(HttpAudit("zmesh", &log).begin(request("POST", "/v1/spaces/send", "token 0123")));
  EXPECT_FALSE(HttpAudit("zrms", nullptr).begin(request("DELETE", "/v1/topologies/shop")));
}

TEST(HttpAuditTest, DenialsOfAnyRequestAreNotedAndAFloodOfThemIsCounted) {
  Lines log;
  HttpAudit audit("zmesh", &log);
  ports::HttpResponse denied = wire::error_response({stdx::Code::denied, "no token was sent"});
  denied.status = 401;
  stdx::Instant now{1000s};
  for (int i = 0; i < 1000; ++i) audit.refused(request("POST", "/v1/spaces/send"), denied, now);
  ASSERT_LE(log.lines.size(), 10u);
  EXPECT_EQ(log.lines[0], "denied|nobody|127.0.0.9|POST /v1/spaces/send|401|no token was sent|0");
  const auto before = log.lines.size();
  audit.refused(request("GET", "/v1/status"), denied, now + 60s);
  ASSERT_EQ(log.lines.size(), before + 1);
  EXPECT_TRUE(log.lines.back().ends_with("|" + std::to_string(1000 - before))) << log.lines.back();
  denied.status = 404;
  audit.refused(request("GET", "/v1/nothing"), denied, now + 120s);
  EXPECT_EQ(log.lines.size(), before + 1) << "no denial";
}

}  // namespace
}  // namespace adapters::net
