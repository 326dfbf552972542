// SPDX-License-Identifier: Apache-2.0
// When the hooks of a guest are called, and what their results do, with the stub engine.
#include <gtest/gtest.h>

#include "guest_abi/table.h"
#include "wire/access_table.h"
#include "zrun/http_api.h"
#include "zrun/testing/fake_cluster.h"

namespace zrun {
namespace {

using namespace std::chrono_literals;
using Call = simkit::GuestCall;
using Calls = std::vector<Call>;

// What the guests of a test do in each hook, and what became of it.
struct Script {
  std::map<std::string, Calls> hooks;         // hook -> the calls that it makes, then it returns
  std::map<std::string, std::int32_t> gives;  // hook -> its result, else 0
  std::vector<std::string> begun;             // hooks in their order
  std::vector<std::int32_t> results;          // of all calls of all hooks
  bool endless = false;                       // on_process makes its calls again and again
};

class Scripted final : public simkit::StubGuest {
 public:
  explicit Scripted(Script& script) : script_(script) { memory.replace(0, 4, "self"); }
  bool has(const std::string& function) const override {
    return function == "on_process" || script_.hooks.contains(function);
  }
  void begin(const std::string& function) override {
    script_.begun.push_back(function);
    hook_ = function;
    step_ = 0;
  }
  std::optional<Call> next(std::int32_t result) override {
    const auto& calls = script_.hooks[hook_];
    if (step_ > 0) script_.results.push_back(result);
    if (step_ == calls.size() && script_.endless && hook_ == "on_process") step_ = 0;
    if (step_ == calls.size()) return std::nullopt;
    return calls[step_++];
  }
  std::int32_t value() const override {
    const auto at = script_.gives.find(hook_);
    return at == script_.gives.end() ? 0 : at->second;
  }

 private:
  Script& script_;
  std::string hook_;
  std::size_t step_ = 0;
};

struct HookCluster : FakeCluster {
  Script script;
  explicit HookCluster(Script made) : FakeCluster(5, {"a"}), script(std::move(made)) {
    auto& topology = disk.topology;
    topology.name = "hooks";
    topology.owner = "test";
    for (const char* name : {"page", "space"}) {
      auto& space = topology.spaces.emplace_back();
      space.name = space.entry = name;
    }
    topology.spaces[0].type = model::SpaceType::ui;
    topology.paths = {{"self", "space", "space"}};
    model::normalize(topology);
    guests = [this](const std::string&) { return std::make_unique<Scripted>(script); };
    start_zrun("a");
    world.run_for(200ms);
    EXPECT_EQ(place("space", "a", 1), "accepted");
    tell_directory();
    world.run_for(100ms);
  }
  const Space* space() { return zrun["a"]->service->spaces().space(id, "space"); }
  std::size_t times(const std::string& hook) {
    return static_cast<std::size_t>(std::count(script.begun.begin(), script.begun.end(), hook));
  }
};

const Call emit{"net.emit_to", {0, 4, 0, 4, 0}};  // "self" to itself
Call receive(std::uint64_t ms) {
  return {"net.recv_next", {4096, 4096, 0, ms}};
}

// R-ABI-7: a module of TinyGo for WASI has _start, with an empty main.
TEST(HooksTest, AModuleWithoutAnInitialiserIsSetUpByItsMainWhichMustReturn) {
  HookCluster f({.hooks = {{"_start", {}}, {"on_init", {}}, {"on_process", {receive(0)}}},
                 .gives = {},
                 .begun = {},
                 .results = {}});
  ASSERT_GE(f.script.begun.size(), 2u);
  EXPECT_EQ(f.script.begun[0], "_start");
  EXPECT_EQ(f.script.begun[1], "on_init");
  HookCluster ends({.hooks = {{"_start", {{"wasi_snapshot_preview1.proc_exit", {0}}}}},
                    .gives = {},
                    .begun = {},
                    .results = {}});
  EXPECT_EQ(ends.space()->state(), SpaceState::failed);
  EXPECT_NE(ends.space()->detail().find("its main ended the module"), std::string::npos)
      << ends.space()->detail();
}

// R-ABI-7: the initialiser of a WASI module before all.
TEST(HooksTest, RAbi23OnInitRunsOnceBeforeOnProcessAndMessagesWorkInIt) {
  HookCluster f({.hooks = {{"_initialize", {}}, {"on_init", {emit}}, {"on_process", {receive(0)}}},
                 .gives = {},
                 .begun = {},
                 .results = {}});
  f.world.run_for(5s);
  ASSERT_GE(f.script.begun.size(), 3u);
  EXPECT_EQ(f.script.begun[0], "_initialize");
  EXPECT_EQ(f.script.begun[1], "on_init");
  EXPECT_EQ(f.times("on_init"), 1u);
  ASSERT_GE(f.script.results.size(), 2u);
  EXPECT_EQ(f.script.results[0], 0) << "emitted in on_init";
  EXPECT_EQ(f.script.results[1], 4) << "R-ABI-29: the length of the message";
}

// R-SPACE-11: and R-DEC-22, in lower case.
TEST(HooksTest, RAbi19AResultOfOnInitThatIsNot0OrItsDeadlineFailsTheSpace) {
  HookCluster refuses(
      {.hooks = {{"on_init", {}}}, .gives = {{"on_init", 3}}, .begun = {}, .results = {}});
  EXPECT_EQ(refuses.space()->state(), SpaceState::failed);
  EXPECT_STREQ(to_string(refuses.space()->state()), "failed");
  EXPECT_EQ(refuses.space()->detail(), "on_init returned 3");
  EXPECT_EQ(refuses.times("on_process"), 0u);
  HookCluster hangs(
      {.hooks = {{"on_init", {receive(3'600'000)}}}, .gives = {}, .begun = {}, .results = {}});
  hangs.world.run_for(4s);
  EXPECT_EQ(hangs.space()->state(), SpaceState::initializing);
  hangs.world.run_for(2s);
  EXPECT_EQ(hangs.space()->state(), SpaceState::failed);
  EXPECT_EQ(hangs.space()->detail(), "on_init did not end within 5000 ms") << "R-CFG-1";
}

// R-ABI-27 and R-DEC-21: the returning style.
// R-COMP-7, R-ROLE-6: zrun runs a space and keeps its life cycle.
TEST(HooksTest, RAbi24OnProcessIsCalledAgainAfterItReturned0) {
  HookCluster f({.hooks = {{"on_process", {}}}, .gives = {}, .begun = {}, .results = {}});
  f.world.run_for(5s);
  EXPECT_GE(f.times("on_process"), 5u);
  EXPECT_EQ(f.space()->state(), SpaceState::running);
}

// R-ABI-21: on_close is called where there is one.
TEST(HooksTest, RAbi20AnotherResultOfOnProcessStopsTheSpaceInOrder) {
  HookCluster f({.hooks = {{"on_process", {}}, {"on_close", {}}},
                 .gives = {{"on_process", 7}},
                 .begun = {},
                 .results = {}});
  f.world.run_for(5s);
  EXPECT_EQ(f.times("on_process"), 1u);
  EXPECT_EQ(f.times("on_close"), 1u);
  EXPECT_EQ(f.space(), nullptr) << "what has stopped is unloaded";
}

// R-DEC-20 and R-DEC-21: the endless style.
TEST(HooksTest, RAbi28AGuestThatLoopsAroundReceiveRunsOnAndHearsThatNothingCame) {
  HookCluster f({.hooks = {{"on_process", {receive(500)}}},
                 .gives = {},
                 .begun = {},
                 .results = {},
                 .endless = true});
  f.world.run_for(60s);
  EXPECT_EQ(f.space()->state(), SpaceState::running);
  EXPECT_EQ(f.times("on_process"), 1u);
  EXPECT_GE(f.script.results.size(), 110u) << "R-ABI-29: 500 ms each";
  EXPECT_LE(f.script.results.size(), 125u);
  for (const auto result : f.script.results) EXPECT_EQ(result, guest_abi::e_timeout);
}

TEST(HooksTest, RDec28AUiSpaceIsServedAndNotCountedAmongTheWasmSpaces) {
  HookCluster f({.hooks = {{"on_process", {}}}, .gives = {}, .begun = {}, .results = {}});
  EXPECT_EQ(f.place("page", "a", 1), "accepted");
  f.world.run_for(1s);
  ASSERT_NE(f.zrun["a"]->service->spaces().space(f.id, "page"), nullptr);
  EXPECT_EQ(f.zrun["a"]->service->spaces().space(f.id, "page")->state(), SpaceState::running)
      << "R-DEC-15";
  HttpApi api(f.zrun["a"]->runtime, *f.zrun["a"]->service);
  std::string body;
  api.handle({.method = "GET", .path = "/v1/status", .query = {}, .headers = {}, .body = {}},
             [&](ports::HttpResponse response) { body = response.body; });
  EXPECT_NE(body.find("\"spaces\":1"), std::string::npos) << body;
  EXPECT_EQ(wire::access_findings("zrun", api.routes()), std::vector<std::string>());
}

}  // namespace
}  // namespace zrun
