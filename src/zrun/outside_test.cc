// SPDX-License-Identifier: Apache-2.0
// Messages from outside, from the HTTP interface of any zmesh to the guest and back, between real
// zmeshes and zruns on virtual time.
#include <gtest/gtest.h>

#include <cstring>

#include "guest_abi/table.h"
#include "stdx/text.h"
#include "wire/data_frame.h"
#include "wire/json.h"
#include "zmesh/http_api.h"
#include "zrun/testing/fake_cluster.h"

namespace zrun {
namespace {

struct Seen {
  std::vector<std::string> texts;
  std::vector<std::uint32_t> flags;
  std::vector<std::int32_t> replies;  // what net.reply gave
};

// Handles a message as its text says: "answer X", "twice", "trap", "slow", "large", or none of
// them.
class Desk final : public simkit::StubGuest {
 public:
  explicit Desk(Seen& seen) : seen_(seen) {}
  std::optional<simkit::GuestCall> next(std::int32_t result) override {
    switch (std::exchange(step_, Step::take)) {
      case Step::take:
        step_ = Step::got;
        return receive();
      case Step::got:
        return handle(result);
      case Step::slept:
        return reply("late");
      case Step::replied:
        seen_.replies.push_back(result);
        if (std::exchange(again_, false)) return reply("second");
        if (std::exchange(traps_, false)) return simkit::GuestCall{"no.such_function", {}};
        return std::nullopt;
    }
    return std::nullopt;
  }

 private:
  enum class Step { take, got, slept, replied };
  std::optional<simkit::GuestCall> handle(std::int32_t result) {
    const auto text = received(result).text;
    guest_abi::MessageInfo info;
    std::memcpy(&info, memory.data() + receive().args[2], sizeof info);
    seen_.texts.push_back(text);
    seen_.flags.push_back(info.flags);
    if (text == "trap") return simkit::GuestCall{"no.such_function", {}};
    if (text == "slow") {
      step_ = Step::slept;
      return sleep(20'000);
    }
    again_ = text == "twice";
    traps_ = text == "answer and trap" && seen_.texts.size() == 1;
    if (text == "quiet") return std::nullopt;
    if (text == "large") {
      step_ = Step::replied;
      return simkit::GuestCall{"net.reply", {0, (1u << 20) + 1}};
    }
    return reply("re " + text);
  }
  simkit::GuestCall reply(const std::string& text) {
    step_ = Step::replied;
    memory.replace(1024, text.size(), text);
    return {"net.reply", {1024, text.size()}};
  }

  Seen& seen_;
  Step step_ = Step::take;
  bool again_ = false, traps_ = false;
};

// zhosts a, b, c; the spaces are on b: desk (ingress), back (not).
struct Shop : FakeCluster {
  Seen seen;

  explicit Shop(bool transactional = false) : FakeCluster(5, {"a", "b", "c"}) {
    auto& topology = disk.topology;
    topology.name = "shop";
    topology.owner = "test";
    for (const char* name : {"back", "desk"}) {
      auto& space = topology.spaces.emplace_back();
      space.name = space.entry = name;
      space.limits.mailbox_messages = 4;
      space.ingress = space.name == "desk";
      if (transactional) space.store = model::StoreKind::local;
    }
    topology.paths = {{"in", "back", "desk", model::Delivery::at_least_once}};
    if (transactional) topology.paths.push_back({"x", "back", "desk", model::Delivery::once});
    model::normalize(topology);
    guests = [this](const std::string& role) -> std::unique_ptr<simkit::StubGuest> {
      if (role == "desk") return std::make_unique<Desk>(seen);
      return std::make_unique<simkit::RelayGuest>("in");
    };
    for (const auto* zhost : {"a", "b", "c"}) start_zrun(zhost);
    EXPECT_EQ(place("back", "b", 1), "accepted");
    EXPECT_EQ(place("desk", "b", 1), "accepted");
    tell_directory();
    world.run_for(200ms);
  }
  ~Shop() { apis.clear(); }
  std::map<std::string, std::unique_ptr<zmesh::HttpApi>> apis;

  using Answer = std::shared_ptr<std::optional<ports::HttpResponse>>;
  Answer begin(ports::HttpRequest request, const std::string& zhost = "a") {
    auto& node = *zmesh.at(zhost);
    if (!apis[zhost])
      apis[zhost] = std::make_unique<zmesh::HttpApi>(node.runtime, *node.service, 9200);
    auto answer = std::make_shared<std::optional<ports::HttpResponse>>();
    request.method = "POST";
    request.path = "/v1/spaces/send";
    apis[zhost]->handle(std::move(request), [answer](ports::HttpResponse r) { *answer = r; });
    return answer;
  }
  ports::HttpResponse await(const Answer& answer) {
    EXPECT_TRUE(world.run_until_true([&] { return answer->has_value(); }, 120s));
    return answer->value_or(ports::HttpResponse{.status = 0});
  }
  static ports::HttpRequest raw(const std::string& body, bool wait, const std::string& key = "",
                                const std::string& to = "shop/desk") {
    ports::HttpRequest request;
    request.query["to"] = to;
    if (wait) request.query["wait"] = "1";
    if (!key.empty()) request.headers["idempotency-key"] = key;
    request.body = body;
    return request;
  }
  ports::HttpResponse ask(const std::string& body, const std::string& key = "",
                          const std::string& zhost = "a") {
    return await(begin(raw(body, true, key), zhost));
  }
  ports::HttpResponse json(const std::string& body) {
    ports::HttpRequest request;
    request.body = body;
    return await(begin(std::move(request)));
  }
  Service& home() { return *zrun.at("b")->service; }
};

TEST(OutsideTest, AMessageToASpaceIsAnsweredFromWhicheverZhostItIsAsked) {
  Shop shop;
  for (const auto* zhost : {"a", "b", "c"}) {
    const auto response = shop.ask("answer", "", zhost);
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(response.body, "re answer");
    EXPECT_EQ(response.content_type, "text/plain; charset=utf-8");
  }
  ASSERT_EQ(shop.seen.flags.size(), 3u);
  EXPECT_EQ(shop.seen.flags[0], guest_abi::flag_outside);
}

TEST(OutsideTest, TheJsonFormSaysOutcomeAnswerAndText) {
  Shop shop;
  v1::SendReply reply;
  const auto response =
      shop.json(R"({"topology":"shop","to":"desk","text":"answer me","wait":true})");
  ASSERT_TRUE(wire::from_json(response.body, reply)) << response.body;
  EXPECT_EQ(reply.outcome(), "answered");
  EXPECT_EQ(reply.text(), "re answer me");
  EXPECT_EQ(reply.answer(), "re answer me");
  EXPECT_NE(shop.json(R"({"topology":")" + shop.id + R"(","to":"desk","text":"by its id"})")
                .body.find("accepted"),
            std::string::npos);
}

TEST(OutsideTest, WithoutWaitingAcceptedMeansInTheMailbox) {
  Shop shop;
  const auto response = shop.await(shop.begin(Shop::raw("quiet", false)));
  EXPECT_EQ(response.status, 202);
  EXPECT_TRUE(shop.world.run_until_true([&] { return shop.seen.texts.size() == 1; }, 5s));
}

TEST(OutsideTest, AMessageThatTheGuestDoesNotAnswerWasHandled) {
  Shop shop;
  const auto response = shop.ask("quiet");
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(response.headers.at("Samoza-Outcome"), "handled");
}

TEST(OutsideTest, ASecondAnswerIsRefusedAndOneThatNobodyWaitsForIsNotAnError) {
  Shop shop;
  EXPECT_EQ(shop.ask("twice").body, "re twice");
  EXPECT_EQ(shop.await(shop.begin(Shop::raw("nobody waits", false))).status, 202);
  EXPECT_TRUE(shop.world.run_until_true([&] { return shop.seen.replies.size() == 3; }, 5s));
  EXPECT_EQ(shop.ask("large").status, 204);
  EXPECT_EQ(shop.seen.replies,
            (std::vector<std::int32_t>{0, guest_abi::e_invalid, guest_abi::e_not_found,
                                       guest_abi::e_invalid}));
}

TEST(OutsideTest, EachRefusalIsASentenceOfItsOwn) {
  Shop shop;
  const auto refused = [&](const std::string& to, int status, const std::string& what) {
    const auto response = shop.await(shop.begin(Shop::raw("x", true, "", to)));
    EXPECT_EQ(response.status, status) << to << ": " << response.body;
    EXPECT_NE(response.body.find(what), std::string::npos) << to << ": " << response.body;
  };
  refused("shop/dsk", 404, "did you mean 'shop/desk'?");
  refused("shp/desk", 404, "did you mean 'shop/desk'?");
  refused("shop/back", 403, "ingress: true");
  refused(shop.id + "/back", 403, "ingress: true");
  refused("desk", 400, "TOPOLOGY/SPACE");
  for (const auto* body :
       {R"({"topology":"shop","to":"desk","from":"back"})", R"({"topology":"shop"})",
        R"({"to":"desk"})", R"({"topology":"shop","to":"desk","text":"a","payload":"YQ=="})",
        R"({"topology":"shop","to":"desk","wait":true,"timeout_ms":60000})"})
    EXPECT_EQ(shop.json(body).status, 400) << body;
  EXPECT_EQ(
      shop.json(R"({"topology":"shop","to":"desk","id":")" + std::string(129, 'i') + "\"}").status,
      400);
  EXPECT_EQ(shop.ask(std::string(wire::message_bytes_max + 1, 'x')).status, 400);
  EXPECT_TRUE(shop.seen.texts.empty());
}

// The name of a topology without any space that takes messages is in no directory.
TEST(OutsideTest, AClosedSpaceOfATopologyWithoutDoorsIsNamedAsSuch) {
  Shop shop;
  for (auto& space : shop.disk.topology.spaces) space.ingress = false;
  EXPECT_EQ(shop.place("desk", "b", 2), "accepted");
  shop.tell_directory();
  shop.world.run_for(200ms);
  const auto response = shop.await(shop.begin(Shop::raw("x", true, "", "shop/back")));
  EXPECT_EQ(response.status, 403) << response.body;
  const auto unknown = shop.await(shop.begin(Shop::raw("x", true, "", "other/back")));
  EXPECT_EQ(unknown.status, 404) << unknown.body;
}

TEST(OutsideTest, AFullMailboxRefusesAndTheSpaceTakesMoreWhenItHasRoom) {
  Shop shop;
  const auto first = shop.begin(Shop::raw("slow", true));
  EXPECT_TRUE(shop.world.run_until_true([&] { return shop.seen.texts.size() == 1; }, 5s));
  std::vector<Shop::Answer> waiting;
  for (int i = 0; i < 4; ++i) waiting.push_back(shop.begin(Shop::raw("answer", true)));
  shop.world.run_for(500ms);
  const auto refused = shop.ask("answer");
  EXPECT_EQ(refused.status, 429) << refused.body;
  EXPECT_NE(refused.body.find("full"), std::string::npos);
  EXPECT_EQ(shop.await(first).body, "late");
  for (const auto& answer : waiting) EXPECT_EQ(shop.await(answer).body, "re answer");
}

TEST(OutsideTest, ATimeOutSaysThatTheMessageMayStillBeHandledAndItIs) {
  Shop shop;
  auto request = Shop::raw("slow", true, "s1");
  request.query["timeout_ms"] = "2000";
  const auto late = shop.await(shop.begin(std::move(request)));
  EXPECT_EQ(late.status, 504);
  EXPECT_NE(late.body.find("may still handle it"), std::string::npos) << late.body;
  EXPECT_NE(late.body.find("within 2s"), std::string::npos) << late.body;
  const auto again = shop.ask("slow", "s1");
  EXPECT_EQ(again.body, "late");
  EXPECT_EQ(again.headers.at("Samoza-Repeated"), "1");
  EXPECT_EQ(shop.seen.texts.size(), 1u) << "it is handled once";
}

TEST(OutsideTest, AMessageWithAnIdThatCameBeforeIsNotHandledAgain) {
  Shop shop;
  const auto first = shop.begin(Shop::raw("answer", true, "k"), "a");
  const auto joined = shop.begin(Shop::raw("answer", true, "k"), "c");
  EXPECT_EQ(shop.await(first).body, "re answer");
  EXPECT_EQ(shop.await(joined).body, "re answer");
  EXPECT_EQ(shop.ask("something else", "k").body, "re answer");
  EXPECT_EQ(shop.seen.texts.size(), 1u);
  EXPECT_EQ(shop.ask("answer", "other").body, "re answer");
  EXPECT_EQ(shop.seen.texts.size(), 2u);
}

TEST(OutsideTest, AMessageThatCanNotBeHandledFailsItsCallerAndBecomesADeadLetter) {
  for (const bool transactional : {false, true}) {
    Shop shop(transactional);
    const auto response = shop.ask("trap", "t");
    EXPECT_EQ(response.status, 500) << response.body;
    EXPECT_NE(response.body.find("5 deliveries failed"), std::string::npos) << response.body;
    ASSERT_EQ(shop.seen.flags.size(), 5u);
    EXPECT_EQ(shop.seen.flags[1],
              guest_abi::flag_outside | (transactional ? 0u : guest_abi::flag_redelivered));
    ASSERT_EQ(shop.home().letters().letters().all().size(), 1u);
    const auto letter = shop.home().letters().letters().all().front();
    EXPECT_EQ(letter.path, "(outside)");
    EXPECT_EQ(letter.to, "desk");
    EXPECT_EQ(letter.from, "");
    EXPECT_EQ(shop.ask("trap", "t").status, 500) << "its id stands for the same end";
    ASSERT_TRUE(shop.home().letters().retry(letter.id));
    EXPECT_TRUE(shop.world.run_until_true([&] { return shop.seen.texts.size() > 5; }, 5s));
    EXPECT_TRUE(shop.seen.flags.back() & guest_abi::flag_outside) << "the retry, too";
  }
}

TEST(OutsideTest, InATransactionalSpaceAnAnswerLeavesWithTheTurnAndIsDroppedWithIt) {
  for (const bool transactional : {false, true}) {
    Shop shop(transactional);
    const auto response = shop.ask("answer and trap");
    EXPECT_EQ(response.body, "re answer and trap");
    EXPECT_EQ(response.status, 200);
    EXPECT_TRUE(shop.world.run_until_true([&] { return shop.seen.replies.size() == 2; }, 60s));
    EXPECT_EQ(shop.seen.replies[0], 0);
    // Of a turn that was dropped nobody has heard; without transactions the caller had its answer.
    EXPECT_EQ(shop.seen.replies[1], transactional ? 0 : guest_abi::e_not_found);
  }
}

TEST(OutsideTest, AMessageOfASpaceThatIsStoppedIsADeadLetterAndItsCallerHearsIt) {
  Shop shop;
  const auto taken = shop.begin(Shop::raw("slow", true));
  EXPECT_TRUE(shop.world.run_until_true([&] { return shop.seen.texts.size() == 1; }, 5s));
  const auto waits = shop.begin(Shop::raw("answer", true));
  shop.world.run_for(500ms);
  shop.home().stop(shop.stop_command("desk", 1));
  for (const auto& answer : {taken, waits}) {
    const auto response = shop.await(answer);
    EXPECT_EQ(response.status, 504) << response.body;
    EXPECT_NE(response.body.find("dead letter"), std::string::npos) << response.body;
  }
  EXPECT_EQ(shop.home().letters().letters().all().size(), 2u);
  const auto later = shop.ask("answer");
  EXPECT_EQ(later.status, 503) << later.body;
}

TEST(OutsideTest, AnUpdateHandsMessagesOnToTheNextInstanceAndItsCallersAreAnswered) {
  Shop shop;
  const auto taken = shop.begin(Shop::raw("slow", true, "s"));
  EXPECT_TRUE(shop.world.run_until_true([&] { return shop.seen.texts.size() == 1; }, 5s));
  const auto waits = shop.begin(Shop::raw("answer", true));
  shop.world.run_for(500ms);
  EXPECT_EQ(shop.place("desk", "b", 2, 1, false, 1), "accepted");
  const auto meanwhile = shop.begin(Shop::raw("answer", true));
  shop.tell_directory();
  EXPECT_EQ(shop.await(taken).body, "late");
  EXPECT_EQ(shop.await(waits).body, "re answer");
  EXPECT_EQ(shop.await(meanwhile).body, "re answer");
  EXPECT_EQ(shop.ask("slow", "s").headers.at("Samoza-Repeated"), "1");
  EXPECT_TRUE(shop.home().letters().letters().all().empty());
}

TEST(OutsideTest, AMessageWhoseTurnMayBeOnDiskWhenItsSpaceEndsIsNotHandledAgain) {
  Shop shop(true);
  auto& disk = shop.zrun.at("b")->disk_state;
  disk.mode = simkit::DiskState::Mode::stalled;
  const auto waits = shop.begin(Shop::raw("hello", true, "h"));
  EXPECT_TRUE(shop.world.run_until_true([&] { return shop.seen.replies.size() == 1; }, 5s));
  EXPECT_EQ(shop.place("desk", "b", 2, 1, false, 1), "accepted");
  shop.tell_directory();
  shop.world.run_for(10s);  // past what closing may take
  disk.mode = simkit::DiskState::Mode::good;
  EXPECT_NE(shop.await(waits).body.find("it may have been handled"), std::string::npos);
  shop.world.run_for(10s);
  EXPECT_EQ(shop.seen.texts.size(), 1u);
  EXPECT_EQ(shop.ask("next").body, "re next");
}

TEST(OutsideTest, AnUpdateThatClosesTheSpaceTellsTheCallersThatWait) {
  Shop shop;
  const auto waits = shop.begin(Shop::raw("slow", true));
  EXPECT_TRUE(shop.world.run_until_true([&] { return shop.seen.texts.size() == 1; }, 5s));
  ++shop.disk.topology.version;
  for (auto& space : shop.disk.topology.spaces) space.ingress = false;
  EXPECT_EQ(shop.place("desk", "b", 2, 1, false, 1), "accepted");
  const auto response = shop.await(waits);
  EXPECT_EQ(response.status, 504);
  EXPECT_NE(response.body.find("closed the space"), std::string::npos) << response.body;
  EXPECT_EQ(shop.home().letters().letters().all().size(), 1u);
}

// S1: what runs on a zhost that was cut off is an older copy.
TEST(OutsideTest, AnOlderCopyOfTheSpaceTakesNothing) {
  Shop shop;
  shop.where["desk"].second = 2;  // the leader placed it anew there, and zrun has not heard of it
  shop.tell_directory();
  shop.world.run_for(200ms);
  const auto response = shop.ask("answer");
  EXPECT_EQ(response.status, 503) << response.body;
  EXPECT_TRUE(shop.seen.texts.empty());
}

TEST(OutsideTest, AMessageAlongAPathGoesToTheZhostThatHasTheSender) {
  Shop shop;
  const auto sent =
      shop.json(R"({"topology":"shop","from":"back","path":"in","text":"along","to":""})");
  EXPECT_EQ(sent.status, 200) << sent.body;
  EXPECT_TRUE(shop.world.run_until_true([&] { return shop.seen.texts.size() == 1; }, 5s));
  EXPECT_EQ(shop.seen.flags[0], 0u);
  const auto nobody = shop.json(R"({"topology":"shop","from":"nobody","path":"in"})");
  EXPECT_EQ(nobody.status, 404) << nobody.body;
  const auto waits = shop.json(R"({"topology":"shop","from":"back","path":"in","wait":true})");
  EXPECT_EQ(waits.status, 400) << waits.body;
}

}  // namespace
}  // namespace zrun
