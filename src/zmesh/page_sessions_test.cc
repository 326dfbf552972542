// SPDX-License-Identifier: Apache-2.0
#include "zmesh/page_sessions.h"

#include <gtest/gtest.h>

#include "simkit/process.h"
#include "simkit/stub_key.h"
#include "simkit/world.h"

namespace zmesh {
namespace {

using namespace std::chrono_literals;

struct Browser {
  simkit::World world{1};
  simkit::Process process{world, "a", "zmesh"};
  ports::Runtime runtime = process.runtime();
  simkit::StubKey key;
  wire::RevokedTokens revoked;
  PageSessions sessions{runtime, &key, &revoked};
  const PageSessions::Page shop{"shop", "ui"}, other{"shop", "admin"}, foreign{"bank", "ui"};

  std::uint64_t now() const { return wire::seconds_of(runtime.clock.wall()); }
  std::string token(wire::Role role, const std::string& scope = "", std::uint64_t lasts = 86'400) {
    return *wire::sign(key, {"0123456789abcdef", role, scope, now() + lasts});
  }
  bool opens(const PageSessions::Page& page, const std::string& cookies) const {
    ports::HttpRequest request;
    request.headers["cookie"] = cookies;
    return sessions.session_of(request, page).has_value();
  }
  static std::string cookie_of(const ports::HttpResponse& response) {
    const auto& set = response.headers.at("Set-Cookie");
    return set.substr(0, set.find(';'));
  }
};

TEST(PageSessionsTest, ATokenOfTheTopologyOpensOnePageAndNoOther) {
  Browser b;
  const auto begun = b.sessions.log_in(b.shop, b.token(wire::Role::ingress, "shop"), "/list");
  ASSERT_TRUE(begun) << begun.error().message;
  EXPECT_EQ(begun->status, 303);
  EXPECT_EQ(begun->headers.at("Location"), "/list");
  const auto& set = begun->headers.at("Set-Cookie");
  EXPECT_NE(set.find("; HttpOnly; SameSite=Lax; Path=/; Max-Age=43200"), std::string::npos) << set;
  EXPECT_EQ(set.find("Domain"), std::string::npos) << "of this host alone";
  const auto cookie = Browser::cookie_of(*begun);
  EXPECT_TRUE(b.opens(b.shop, cookie));
  EXPECT_TRUE(b.opens(b.shop, "samoza_session=bad; a=b; " + cookie)) << "another page set one";
  EXPECT_FALSE(b.opens(b.other, cookie));
  EXPECT_FALSE(b.opens(b.foreign, cookie));
  EXPECT_FALSE(b.opens(b.shop, ""));
  EXPECT_FALSE(b.opens(b.shop, "samoza_session=" + b.token(wire::Role::admin)))
      << "a token is no session";
  // Another zhost of the cluster takes it, one of another cluster does not.
  PageSessions elsewhere(b.runtime, &b.key, nullptr);
  simkit::StubKey stranger("other");
  PageSessions abroad(b.runtime, &stranger, nullptr);
  ports::HttpRequest request;
  request.headers["cookie"] = cookie;
  EXPECT_TRUE(elsewhere.session_of(request, b.shop));
  EXPECT_FALSE(abroad.session_of(request, b.shop));
}

TEST(PageSessionsTest, ARoleThatIsTooLowIsToldWhichOneThePageTakes) {
  Browser b;
  for (const auto& token : {b.token(wire::Role::read), b.token(wire::Role::ingress, "bank"),
                            b.token(wire::Role::page, "shop/ui")}) {
    const auto refused = b.sessions.log_in(b.shop, token, "/");
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("operate, or ingress of topology shop"),
              std::string::npos)
        << refused.error().message;
  }
  EXPECT_FALSE(b.sessions.log_in(b.shop, "nonsense", "/"));
  EXPECT_TRUE(b.sessions.log_in(b.shop, b.token(wire::Role::operate), "/"));
}

TEST(PageSessionsTest, ASessionEndsWithItsTokenAndAfterTwelveHours) {
  Browser b;
  const auto brief =
      Browser::cookie_of(*b.sessions.log_in(b.shop, b.token(wire::Role::operate, "", 600), "/"));
  const auto day = Browser::cookie_of(*b.sessions.log_in(b.shop, b.token(wire::Role::admin), "/"));
  b.world.run_for(11min);
  EXPECT_FALSE(b.opens(b.shop, brief));
  EXPECT_TRUE(b.opens(b.shop, day));
  b.world.run_for(12h);
  EXPECT_FALSE(b.opens(b.shop, day));
  const auto again =
      Browser::cookie_of(*b.sessions.log_in(b.shop, b.token(wire::Role::admin), "/"));
  EXPECT_TRUE(b.opens(b.shop, again));
  b.revoked.add({"0123456789abcdef/99999999999"}, b.runtime.clock.wall());
  EXPECT_FALSE(b.opens(b.shop, again));
  EXPECT_FALSE(b.sessions.log_in(b.shop, b.token(wire::Role::admin), "/"));
}

TEST(PageSessionsTest, ATicketOpensItsPageOnceWithinAMinute) {
  Browser b;
  const auto forever = ~std::uint64_t{0} >> 1;
  const auto give = [&] {
    return b.sessions.give_ticket(b.shop, std::string(wire::operator_token_id), forever);
  };
  const auto ticket = give();
  EXPECT_FALSE(b.sessions.take_ticket(b.other, ticket, "/")) << "it is of another page";
  EXPECT_FALSE(b.sessions.take_ticket(b.shop, ticket, "/")) << "and was tried";
  const auto good = give();
  const auto begun = b.sessions.take_ticket(b.shop, good, "/");
  ASSERT_TRUE(begun);
  EXPECT_TRUE(b.opens(b.shop, Browser::cookie_of(*begun)));
  EXPECT_FALSE(b.sessions.take_ticket(b.shop, good, "/"));
  const auto old = give();
  b.world.run_for(61s);
  EXPECT_FALSE(b.sessions.take_ticket(b.shop, old, "/"));
  const auto first = give();
  b.world.run_for(1s);
  for (std::size_t i = 0; i < PageSessions::tickets_max; ++i) give();
  EXPECT_FALSE(b.sessions.take_ticket(b.shop, first, "/")) << "the bound";
}

TEST(PageSessionsTest, TheLoginFormShowsNothingAsMarkup) {
  const auto page = login_page({"shop", "ui"}, "/a\"><script>", "<b>wrong</b>");
  EXPECT_EQ(page.status, 401);
  EXPECT_EQ(page.body.find("<script>"), std::string::npos) << page.body;
  EXPECT_EQ(page.body.find("<b>"), std::string::npos) << page.body;
  EXPECT_NE(page.headers.at("Content-Security-Policy").find("form-action 'self'"),
            std::string::npos);
  EXPECT_EQ(page.headers.at("Referrer-Policy"), "same-origin") << "else its Origin is null";
}

TEST(PageSessionsTest, AFormIsDecodedAndLeadsToPathsOfThisOriginOnly) {
  EXPECT_EQ(form_field("token=smz_a%2Bb+c%0d%0a&to=%2Flist", "token"), "smz_a+b c");
  EXPECT_EQ(form_field("token=smz_a&to=%2Flist", "to"), "/list");
  EXPECT_EQ(form_field("to=%2", "to"), "%2");
  EXPECT_EQ(form_field("", "token"), "");
  EXPECT_EQ(local_path("/list"), "/list");
  for (const char* away :
       {"", "//evil.example", "https://evil.example", "/\\evil.example", "/a\nb"})
    EXPECT_EQ(local_path(away), "/") << away;
}

}  // namespace
}  // namespace zmesh
