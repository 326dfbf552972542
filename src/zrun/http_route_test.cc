// SPDX-License-Identifier: Apache-2.0
// HTTP requests below the route of a space, from any zmesh to the guest and back, between real
// zmeshes and zruns on virtual time.
#include <gtest/gtest.h>

#include <cstring>

#include "guest_abi/table.h"
#include "wire/data_frame.h"
#include "zmesh/http_api.h"
#include "zrun/testing/fake_cluster.h"

namespace zrun {
namespace {

struct Requests {
  std::vector<std::string> texts;
  std::vector<std::uint32_t> flags;
  std::string answer;  // empty: none; "trap": it traps
  std::uint32_t takes_ms = 0;
};

class Clerk final : public simkit::StubGuest {
 public:
  explicit Clerk(Requests& requests) : requests_(requests) {}
  std::optional<simkit::GuestCall> next(std::int32_t result) override {
    switch (step_++) {
      case 0:
        return receive();
      case 1: {
        guest_abi::MessageInfo info;
        std::memcpy(&info, memory.data() + receive().args[2], sizeof info);
        requests_.flags.push_back(info.flags);
        requests_.texts.push_back(received(result).text);
        if (requests_.answer == "trap") return simkit::GuestCall{"no.such_function", {}};
        if (requests_.takes_ms > 0) return sleep(requests_.takes_ms);
        [[fallthrough]];
      }
      case 2:
        if (!requests_.answer.empty()) {
          step_ = 3;
          memory.replace(1024, requests_.answer.size(), requests_.answer);
          return simkit::GuestCall{"net.reply", {1024, requests_.answer.size()}};
        }
        [[fallthrough]];
      default:
        step_ = 0;
        return std::nullopt;
    }
  }

 private:
  Requests& requests_;
  int step_ = 0;
};

// shop answers below /shop, admin below /shop/admin; both on b. The requests come to a.
struct Market : FakeCluster {
  Requests shop, admin;
  std::unique_ptr<zmesh::HttpApi> api;

  Market() : FakeCluster(5, {"a", "b"}) {
    disk.topology.name = "market";
    disk.topology.owner = "test";
    for (const char* name : {"admin", "shop"}) {
      auto& space = disk.topology.spaces.emplace_back();
      space.name = space.entry = name;
      space.route = space.name == "shop" ? "/shop" : "/shop/admin";
    }
    model::normalize(disk.topology);
    guests = [this](const std::string& role) -> std::unique_ptr<simkit::StubGuest> {
      return std::make_unique<Clerk>(role == "shop" ? shop : admin);
    };
    for (const auto* zhost : {"a", "b"}) start_zrun(zhost);
    EXPECT_EQ(place("shop", "b", 1), "accepted");
    EXPECT_EQ(place("admin", "b", 1), "accepted");
    tell_directory();
    world.run_for(200ms);
    api = std::make_unique<zmesh::HttpApi>(zmesh.at("a")->runtime, *zmesh.at("a")->service, 9200);
  }
  ~Market() { api.reset(); }
  ports::HttpResponse ask(const std::string& path, const std::string& method = "GET",
                          const std::string& body = "") {
    ports::HttpRequest request;
    request.method = method;
    request.path = path;
    request.headers = {{":target", path}, {"host", "shop.example"}};
    if (auto door = api->door(request); !door.empty()) request.headers[":door"] = door;
    return ask(std::move(request), body);
  }
  // With the decision of the HTTP server, or none.
  ports::HttpResponse ask(ports::HttpRequest request, const std::string& body) {
    std::optional<ports::HttpResponse> answer;
    request.body = body;
    api->handle(std::move(request), [&](ports::HttpResponse response) { answer = response; });
    EXPECT_TRUE(world.run_until_true([&] { return answer.has_value(); }, 120s));
    return answer.value_or(ports::HttpResponse{.status = 0});
  }
};

TEST(HttpRouteTest, WhoAnswersIsDecidedOnceAndARouteThatComesMeanwhileChangesNothing) {
  Market market;
  market.shop.answer = "shop";
  ports::HttpRequest request;
  request.path = "/shop";
  request.headers = {{":target", "/shop"}};
  // The server asked for a token, as there was no route when the header came.
  EXPECT_EQ(market.ask(request, "").status, 404);
  EXPECT_TRUE(market.shop.texts.empty());
  // There was one: it answers, or nobody does.
  request.headers[":door"] = market.api->door(request);
  EXPECT_EQ(market.ask(request, "").body, "shop");
  request.headers[":door"] = market.id + "/gone";
  EXPECT_EQ(market.ask(request, "").status, 503);
}

TEST(HttpRouteTest, ARequestGoesToTheSpaceOfTheLongestRouteAndItsAnswerIsTheResponse) {
  Market market;
  market.shop.answer = "HTTP/1.1 201 Created\r\ncontent-type: text/html\r\n\r\n<p>shop";
  market.admin.answer = "admin";
  const auto response = market.ask("/shop/cart", "POST", "one");
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.content_type, "text/html");
  EXPECT_EQ(response.body, "<p>shop");
  EXPECT_EQ(market.shop.texts[0],
            "POST /shop/cart HTTP/1.1\r\nhost: shop.example\r\ncontent-length: 3\r\n\r\none");
  EXPECT_EQ(market.shop.flags[0], guest_abi::flag_outside | guest_abi::flag_http);
  EXPECT_EQ(market.ask("/shop/admin/users").body, "admin");
  EXPECT_EQ(market.ask("/shop").body, "<p>shop");
  EXPECT_EQ(market.ask("/shopping").status, 404) << "another part of a path";
  EXPECT_EQ(market.ask("/shop", "HEAD").body, "<p>shop") << "the server sends its length alone";
  EXPECT_EQ(market.shop.texts.size(), 3u);
}

TEST(HttpRouteTest, NoAnswerIs204AndOneThatIsNoResponseIs502) {
  Market market;
  EXPECT_EQ(market.ask("/shop").status, 204);
  market.shop.answer = "HTTP/1.1 200 OK\r\na: b\rSet-Cookie: x\r\n\r\n";
  const auto broken = market.ask("/shop");
  EXPECT_EQ(broken.status, 502);
  EXPECT_NE(broken.body.find("no HTTP response"), std::string::npos) << broken.body;
}

TEST(HttpRouteTest, AFailureIs502ATimeOut504AndASpaceThatDoesNotRun503) {
  Market market;
  market.shop.answer = "trap";
  const auto failure = market.ask("/shop");
  EXPECT_EQ(failure.status, 502);
  EXPECT_NE(failure.body.find("deliveries failed"), std::string::npos) << failure.body;
  EXPECT_EQ(market.zrun.at("b")->service->letters().letters().all().front().path, "(http)");
  market.shop = {.texts = {}, .flags = {}, .answer = "late", .takes_ms = 40'000};
  EXPECT_EQ(market.ask("/shop").status, 504);
  market.zrun.at("b")->service->stop(market.stop_command("admin", 1));
  market.world.run_for(200ms);
  const auto away = market.ask("/shop/admin");
  EXPECT_EQ(away.status, 503) << away.body;
  EXPECT_EQ(away.headers.at("Retry-After"), "1");
}

TEST(HttpRouteTest, ARequestThatIsTooLargeWithItsHeaderIs413) {
  Market market;
  EXPECT_EQ(market.ask("/shop", "PUT", std::string(wire::message_bytes_max, 'x')).status, 413);
  EXPECT_TRUE(market.shop.texts.empty());
}

// A route opens a space to requests, not to messages of other kinds.
TEST(HttpRouteTest, ASpaceWithARouteAloneTakesNoOtherMessagesFromOutside) {
  Market market;
  std::optional<ports::HttpResponse> answer;
  ports::HttpRequest request;
  request.method = "POST";
  request.path = "/v1/spaces/send";
  request.query["to"] = "market/shop";
  market.api->handle(std::move(request), [&](ports::HttpResponse r) { answer = r; });
  EXPECT_TRUE(market.world.run_until_true([&] { return answer.has_value(); }, 10s));
  EXPECT_EQ(answer->status, 403) << answer->body;
}

TEST(HttpRouteTest, ARouteThatAnUpdateTookAwayIsNotThereAnyMore) {
  Market market;
  market.shop.answer = "shop";
  market.admin.answer = "admin";
  ++market.disk.topology.version;
  for (auto& space : market.disk.topology.spaces)
    if (space.name == "admin") space.route.clear();
  EXPECT_EQ(market.place("admin", "b", 2), "accepted");
  market.tell_directory();
  market.world.run_for(200ms);
  EXPECT_EQ(market.ask("/shop/admin").body, "shop");
}

}  // namespace
}  // namespace zrun
