// SPDX-License-Identifier: Apache-2.0
// Pages of UI spaces between two zhosts: the browser is at a, the space on b.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "model/page_host.h"
#include "zmesh/http_api.h"
#include "zrun/testing/fake_cluster.h"

namespace zrun {
namespace {

// The connection of a browser, as zmesh has it.
struct Socket {
  std::vector<std::string> got;
  ports::LinkHandlers zmesh;
  bool open = true;
  std::size_t queued = 0;  // what the browser has not read
};
class BrowserLink final : public ports::Link {
 public:
  explicit BrowserLink(std::shared_ptr<Socket> socket) : socket_(std::move(socket)) {}
  ~BrowserLink() override { socket_->open = false; }
  void start(ports::LinkHandlers handlers) override { socket_->zmesh = std::move(handlers); }
  void send(stdx::Bytes frame, ports::Urgency) override {
    socket_->got.push_back(std::move(frame));
  }
  std::size_t queued_bytes() const override { return socket_->queued; }
  std::string peer() const override { return "browser"; }

 private:
  std::shared_ptr<Socket> socket_;
};

// Takes what comes.
class Taker final : public simkit::StubGuest {
 public:
  explicit Taker(std::vector<std::string>& taken) : taken_(taken) {}
  std::optional<simkit::GuestCall> next(std::int32_t result) override {
    if (waits_) taken_.push_back(received(result).text);
    waits_ = true;
    return receive();
  }

 private:
  std::vector<std::string>& taken_;
  bool waits_ = false;
};

struct Site : FakeCluster {
  simkit::StubKey key;
  wire::RevokedTokens revoked;
  std::vector<std::string> orders;  // that desk took
  std::unique_ptr<zmesh::HttpApi> api;
  const std::string host = model::page_labels("site", "ui") + ".localhost:9200";

  Site() : FakeCluster(5, {"a", "b"}) {
    auto& topology = disk.topology;
    topology.name = "site";
    topology.owner = "test";
    for (const char* name : {"desk", "ui"}) {
      auto& space = topology.spaces.emplace_back();
      space.name = name;
      space.entry = std::string("spaces/") + name + "/index.html";
      if (space.name == "ui") space.type = model::SpaceType::ui;
    }
    topology.paths = {{"news", "desk", "ui"}, {"orders", "ui", "desk"}};
    model::normalize(topology);
    guests = [this](const std::string&) { return std::make_unique<Taker>(orders); };
    for (const auto* zhost : {"a", "b"}) start_zrun(zhost);
    EXPECT_EQ(place("ui", "b", 1), "accepted");
    EXPECT_EQ(place("desk", "b", 1), "accepted");
    tell_directory();
    world.run_for(500ms);
    api = std::make_unique<zmesh::HttpApi>(zmesh.at("a")->runtime, *zmesh.at("a")->service, 9200,
                                           zmesh::Pages::Access{.key = &key, .revoked = &revoked});
  }
  ~Site() { api.reset(); }

  ports::HttpRequest request(const std::string& path, const std::string& cookie = "") {
    ports::HttpRequest asked;
    asked.path = path;
    asked.headers["host"] = host;
    if (!cookie.empty()) asked.headers["cookie"] = cookie;
    asked.headers[":door"] = api->door(asked);
    return asked;
  }
  ports::HttpResponse ask(ports::HttpRequest asked) {
    std::optional<ports::HttpResponse> answer;
    api->handle(std::move(asked), [&](ports::HttpResponse response) { answer = response; });
    EXPECT_TRUE(world.run_until_true([&] { return answer.has_value(); }, 60s));
    return answer.value_or(ports::HttpResponse{.status = 0});
  }
  std::string cookie() {
    const auto now = wire::seconds_of(zmesh.at("a")->runtime.clock.wall());
    const auto session =
        wire::sign(key, {"0123456789abcdef", wire::Role::page, "site/ui", now + 3600});
    return std::string("samoza_session=") + *session;
  }
  std::shared_ptr<Socket> open(const std::string& with, const std::string& origin = "") {
    auto socket = std::make_shared<Socket>();
    auto asked = request("/ws", with);
    if (!origin.empty()) asked.headers["origin"] = origin;
    api->handle_websocket(std::move(asked), std::make_unique<BrowserLink>(socket));
    world.run_for(200ms);
    return socket;
  }
  UiPages* pages() { return zrun.at("b")->service->spaces().pages(id, "ui"); }
};

TEST(PagesTest, RDec15APageIsServedByAnyZhostUnderAHostNameOfItsOwn) {
  Site site;
  EXPECT_EQ(site.api->door(site.request("/")), "page:ui.site");
  const auto page = site.ask(site.request("/", site.cookie()));
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_TRUE(page.headers.at("Content-Security-Policy").starts_with("default-src 'none'"));
  EXPECT_EQ(site.ask(site.request("/app.js", site.cookie())).content_type,
            "text/javascript; charset=utf-8");
  EXPECT_EQ(site.ask(site.request("/space.yaml", site.cookie())).status, 404);
  auto deleted = site.request("/", site.cookie());
  deleted.method = "DELETE";
  EXPECT_EQ(site.ask(std::move(deleted)).status, 405);
  auto other = site.request("/", site.cookie());
  other.headers[":door"] = "page:admin.site";
  EXPECT_EQ(site.ask(std::move(other)).status, 404);
}

TEST(PagesTest, WithoutASessionABrowserGetsTheLoginFormAndAProgramAnError) {
  Site site;
  EXPECT_EQ(site.ask(site.request("/")).status, 401);
  auto browser = site.request("/list");
  browser.headers["accept"] = "text/html,*/*";
  const auto form = site.ask(browser);
  EXPECT_EQ(form.status, 401);
  EXPECT_NE(form.body.find("action=\"/-/login\""), std::string::npos) << form.body;
  auto login = site.request("/-/login");
  login.method = "POST";
  login.headers["origin"] = "http://" + site.host;
  const auto now = wire::seconds_of(site.zmesh.at("a")->runtime.clock.wall());
  const auto token =
      *wire::sign(site.key, {"0123456789abcdef", wire::Role::ingress, "site", now + 60});
  login.body = "token=" + token + "&to=%2Flist";
  auto foreign = login;
  foreign.headers["origin"] = "http://admin.site.localhost:9200";
  EXPECT_EQ(site.ask(foreign).status, 403) << "another page's form";
  const auto begun = site.ask(login);
  EXPECT_EQ(begun.status, 303) << begun.body;
  const auto& set = begun.headers.at("Set-Cookie");
  EXPECT_EQ(site.ask(site.request("/", set.substr(0, set.find(';')))).status, 200);
  login.body = "token=wrong";
  EXPECT_EQ(site.ask(login).status, 401);
}

TEST(PagesTest, ASocketShowsWhatComesAndSendsAlongThePathsOfTheSpace) {
  Site site;
  const auto socket = site.open(site.cookie(), "http://" + site.host);
  ASSERT_TRUE(socket->open);
  ASSERT_EQ(site.pages()->size(), 1u);
  site.pages()->show("news", "desk", 1, "hello");
  site.world.run_for(100ms);
  ASSERT_EQ(socket->got.size(), 1u);
  EXPECT_EQ(nlohmann::json::parse(socket->got[0]),
            nlohmann::json::parse(R"({"path":"news","from":"desk","seq":1,"payload":"hello"})"));
  socket->zmesh.on_frame(R"({"path":"orders","payload":"two"})");
  EXPECT_TRUE(site.world.run_until_true([&] { return !site.orders.empty(); }, 5s));
  EXPECT_EQ(site.orders, std::vector<std::string>{"two"});
  socket->zmesh.on_frame(R"({"path":"nowhere","payload":"x"})");
  site.world.run_for(100ms);
  ASSERT_EQ(socket->got.size(), 2u);
  EXPECT_NE(socket->got[1].find("no path 'nowhere'"), std::string::npos) << socket->got[1];
  socket->zmesh.on_closed({stdx::Code::unavailable, "the browser went"});
  site.world.run_for(1s);
  EXPECT_EQ(site.pages()->size(), 0u);
}

TEST(PagesTest, BytesThatAreNoTextReachThePageAsReplacementCharacters) {
  Site site;
  const auto socket = site.open(site.cookie(), "http://" + site.host);
  site.pages()->show("news", "desk", 1, "a\xff\xc3(z");
  site.world.run_for(100ms);
  ASSERT_EQ(socket->got.size(), 1u);
  EXPECT_EQ(nlohmann::json::parse(socket->got[0])["payload"], "a\uFFFD\uFFFD(z");
}

TEST(PagesTest, ThePagesOfAZmeshThatIsGoneAreClosed) {
  Site site;
  const auto socket = site.open(site.cookie());
  ASSERT_EQ(site.pages()->size(), 1u);
  site.api.reset();  // without a word
  site.network.cut("a", "b");
  site.network.cut("b", "a");
  site.world.run_for(30s);
  EXPECT_EQ(site.pages()->size(), 0u);
}

TEST(PagesTest, ASocketTakesASessionOfThisPageAndThisOrigin) {
  Site site;
  EXPECT_FALSE(site.open("")->open);
  EXPECT_FALSE(site.open(site.cookie(), "http://admin.site.localhost:9200")->open);
  EXPECT_FALSE(site.open(site.cookie(), "null")->open);
  const auto socket = site.open(site.cookie());
  EXPECT_TRUE(socket->open);
  site.revoked.add({"0123456789abcdef/99999999999"}, site.zmesh.at("a")->runtime.clock.wall());
  site.world.run_for(5s);
  EXPECT_FALSE(socket->open) << "its token was revoked";
}

TEST(PagesTest, AWebSocketWithoutASessionIsRefusedWithAStatusBeforeItIsOne) {
  Site site;
  const auto status = [&](ports::HttpRequest asked, const std::string& origin = "") {
    if (!origin.empty()) asked.headers["origin"] = origin;
    const auto refused = site.api->refuse_websocket(asked);
    return refused ? refused->status : 101;
  };
  EXPECT_EQ(status(site.request("/ws")), 401);
  EXPECT_EQ(status(site.request("/ws", site.cookie()), "http://elsewhere.example"), 403);
  EXPECT_EQ(status(site.request("/other", site.cookie())), 404);
  EXPECT_EQ(status(site.request("/ws", site.cookie())), 101);
  ports::HttpRequest below_a_route;
  below_a_route.path = "/shop";
  EXPECT_EQ(status(below_a_route), 404);
}

TEST(PagesTest, ASpaceThatMovesClosesItsSocketsAndKeepsItsAddress) {
  Site site;
  const auto socket = site.open(site.cookie());
  ASSERT_TRUE(socket->open);
  EXPECT_EQ(site.place("ui", "a", 2), "accepted");
  site.tell_directory();
  site.world.run_for(5s);
  EXPECT_FALSE(socket->open);
  EXPECT_EQ(site.ask(site.request("/", site.cookie())).status, 200);
  const auto again = site.open(site.cookie());
  EXPECT_TRUE(again->open);
  EXPECT_EQ(site.zrun.at("a")->service->spaces().pages(site.id, "ui")->size(), 1u);
}

// ui on b begins anew, from an archive in which app.js has so many of that letter.
void ship(Site& site, std::uint64_t epoch, std::size_t bytes, char letter) {
  site.disk.files["spaces/ui/app.js"] = std::string(bytes, letter);
  site.disk.archive = std::string("archive ") + letter;
  const auto& spaces = site.zrun.at("b")->service->spaces();
  EXPECT_EQ(site.zrun.at("b")->service->stop(site.stop_command("ui", epoch - 1)).outcome(),
            "accepted");
  EXPECT_TRUE(site.world.run_until_true([&] { return !spaces.space("", "ui"); }, 10s));
  EXPECT_EQ(site.place("ui", "b", epoch), "accepted");
  EXPECT_TRUE(site.world.run_until_true([&] { return site.pages() != nullptr; }, 10s));
  site.tell_directory();
}

TEST(PagesTest, AFileIsOfOneVersionThoughAnotherOneComesBetweenItsParts) {
  Site site;
  ship(site, 2, 3u << 20, 'a');
  site.network.faults.bytes_per_second = 1'000'000;
  std::optional<ports::HttpResponse> answer;
  site.api->handle(site.request("/app.js", site.cookie()),
                   [&](ports::HttpResponse response) { answer = std::move(response); });
  site.world.run_for(1500ms);
  EXPECT_FALSE(answer);
  ship(site, 3, 3u << 20, 'b');
  EXPECT_TRUE(site.world.run_until_true([&] { return answer.has_value(); }, 60s));
  EXPECT_EQ(answer->status, 200);
  EXPECT_TRUE(answer->body == std::string(3u << 20, 'b')) << answer->body.size();
}

TEST(PagesTest, LargeFilesThatAreFetchedAtOnceHaveABoundTogether) {
  Site site;
  ship(site, 2, zmesh::Pages::asset_bytes_max, 'a');
  std::map<int, int> answers;
  constexpr int fit = zmesh::Pages::fetched_bytes_max / zmesh::Pages::asset_bytes_max;
  for (int i = 0; i < fit + 2; ++i)
    site.api->handle(site.request("/app.js", site.cookie()),
                     [&](ports::HttpResponse response) { ++answers[response.status]; });
  EXPECT_TRUE(
      site.world.run_until_true([&] { return answers[200] + answers[503] == fit + 2; }, 60s));
  EXPECT_EQ(answers[200], fit);
  EXPECT_EQ(site.ask(site.request("/app.js", site.cookie())).status, 200) << "room again";
}

TEST(PagesTest, AZrunThatStartsAnewClosesTheSocketsOfThatBefore) {
  Site site;
  const auto socket = site.open(site.cookie());
  ASSERT_TRUE(socket->open);
  site.zrun.at("b")->service.reset();
  site.zrun.erase("b");
  site.start_zrun("b");
  EXPECT_EQ(site.place("ui", "b", 1, /*run=*/2), "accepted");
  site.world.run_for(15s);
  EXPECT_FALSE(socket->open);
}

TEST(PagesTest, AMessageThatNoPageCanBeShownMutesNone) {
  Site site;
  const auto socket = site.open(site.cookie());
  site.pages()->show("news", "desk", 1,
                     std::string(1u << 20, '\x01'));  // six times as much as JSON
  site.pages()->show("news", "desk", 2, std::string(900'000, 'Q'));
  site.world.run_for(1s);
  for (std::uint64_t seq = 3; seq < 6; ++seq) site.pages()->show("news", "desk", seq, "small");
  site.world.run_for(1s);
  ASSERT_EQ(socket->got.size(), 4u) << "all but the first";
}

TEST(PagesTest, ALargeMessageToManyPagesCutsNoLinkAndThePagesSeeTheNextOnes) {
  Site site;
  std::vector<std::shared_ptr<Socket>> sockets;
  for (int i = 0; i < 40; ++i) sockets.push_back(site.open(site.cookie()));
  site.pages()->show("news", "desk", 1, std::string(1u << 20, 'Q'));
  EXPECT_TRUE(site.zrun.at("b")->service->zmesh_connected());
  site.world.run_for(5s);
  EXPECT_TRUE(site.zrun.at("b")->service->zmesh_connected());
  site.pages()->show("news", "desk", 2, "small");
  site.world.run_for(1s);
  for (const auto& socket : sockets) {
    EXPECT_TRUE(socket->open);
    ASSERT_FALSE(socket->got.empty());
    EXPECT_NE(socket->got.back().find("small"), std::string::npos);
  }
}

TEST(PagesTest, PagesThatAskForLargeFilesAllAtOnceGetThemOneAfterTheOther) {
  Site site;
  ship(site, 2, 3u << 20, 'a');
  std::map<int, int> answers;
  for (int i = 0; i < 40; ++i)
    site.api->handle(site.request("/app.js", site.cookie()),
                     [&](ports::HttpResponse response) { ++answers[response.status]; });
  EXPECT_TRUE(site.world.run_until_true([&] { return answers[200] + answers[503] == 40; }, 60s));
  EXPECT_GE(answers[200], 20);
  EXPECT_TRUE(site.zrun.at("b")->service->zmesh_connected());
}

TEST(PagesTest, APageThatDoesNotReadLosesMessagesAndOneThatSaysTooMuchIsTold) {
  Site site;
  const auto socket = site.open(site.cookie());
  socket->queued = 1u << 20;  // the browser reads nothing
  const std::string text(200'000, 'x');
  for (int i = 0; i < 40; ++i) {
    site.pages()->show("news", "desk", 1, text);
    site.world.run_for(10ms);
  }
  EXPECT_LT(socket->got.size(), 10u) << "one MiB on the way, and no more";
  const auto before = socket->got.size();
  socket->queued = 0;
  socket->zmesh.on_writable();
  site.world.run_for(100ms);
  site.pages()->show("news", "desk", 1, text);
  site.world.run_for(100ms);
  EXPECT_EQ(socket->got.size(), before + 1);
  for (int i = 0; i < 10; ++i)
    socket->zmesh.on_frame(R"({"path":"nowhere","payload":")" + text + "\"}");
  site.world.run_for(100ms);
  EXPECT_NE(socket->got.back().find("no path"), std::string::npos);
  EXPECT_TRUE(std::any_of(socket->got.begin(), socket->got.end(), [](const std::string& got) {
    return got.find("sends too much") != std::string::npos;
  }));
}

}  // namespace
}  // namespace zrun
