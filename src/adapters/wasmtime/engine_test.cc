// SPDX-License-Identifier: Apache-2.0
#include "adapters/wasmtime/engine.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "simkit/process.h"

namespace adapters::wasmtime {
namespace {

using ports::HostCall;
using ports::HostFunction;
using ports::HostResult;
using Progress = ports::Instance::Progress;

constexpr auto slice = std::chrono::milliseconds(1);

stdx::Bytes guest(const std::string& name) {
  std::ifstream file(std::string(SAMOZA_GUESTS_DIR) + "/" + name + ".wasm", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The host side of one instance, as little as the guests need.
struct Host {
  std::vector<stdx::Bytes> inbox, outbox;

  static HostResult recv(void* context, const HostCall& call) {
    auto& host = *static_cast<Host*>(context);
    if (host.inbox.empty())
      return call.args[3].as<std::int32_t>() == 0 ? HostResult::done(-5) : HostResult::wait();
    const auto message = host.inbox.front();
    host.inbox.erase(host.inbox.begin());
    std::copy(message.begin(), message.end(), call.memory.base + call.args[0].as<std::uint32_t>());
    return HostResult::done(static_cast<std::int32_t>(message.size()));
  }
  static HostResult emit(void* context, const HostCall& call) {
    auto& host = *static_cast<Host*>(context);
    host.outbox.emplace_back(
        reinterpret_cast<char*>(call.memory.base) + call.args[2].as<std::uint32_t>(),
        call.args[3].as<std::uint32_t>());
    return HostResult::done(0);
  }
};

std::vector<HostFunction> functions() {
  return {{"net", "recv_next", "iiii>i", true, Host::recv},
          {"net", "emit_to", "iiiii>i", true, Host::emit}};
}

struct Fixture {
  simkit::World world{1};
  simkit::Process process{world, "z", "zrun"};
  WasmtimeEngine engine{process};
  Host host;

  std::unique_ptr<ports::Instance> make(const std::string& name, std::uint64_t memory = 1u << 20) {
    auto compiled = engine.compile_now(guest(name), functions());
    EXPECT_TRUE(compiled) << compiled.error().message;
    modules.push_back(*compiled);
    return modules.back()->instantiate(&host, memory);
  }
  std::vector<std::shared_ptr<ports::Module>> modules;
  // Runs the hostile guest once on `command` and gives how that ended.
  Progress hostile(char command, std::unique_ptr<ports::Instance>& instance, int slices = 5) {
    host.inbox = {std::string(1, command)};
    EXPECT_TRUE(instance->begin("on_process"));
    auto progress = instance->resume(slice);
    for (int i = 0; i < slices && progress == Progress::pending; ++i)
      progress = instance->resume(slice);
    return progress;
  }
};

// R-SVC-4, R-COMP-7: zrun executes WebAssembly.
TEST(WasmtimeEngineTest, AGuestParksInAHostCallAndGoesOnWhereItWas) {
  Fixture f;
  auto instance = f.make("relay");
  ASSERT_TRUE(instance->begin("on_init"));
  // A loaded machine may use up a slice before the guest has run.
  auto progress = instance->resume(slice);
  for (int i = 0; i < 100 && progress == Progress::pending; ++i) progress = instance->resume(slice);
  ASSERT_EQ(progress, Progress::returned);
  EXPECT_EQ(instance->value(), 0);
  EXPECT_EQ(instance->begin("nothing").error().code, stdx::Code::not_found);
  ASSERT_TRUE(instance->begin("on_process"));
  EXPECT_EQ(instance->resume(slice), Progress::pending);
  f.host.inbox = {"one", "two"};
  EXPECT_EQ(instance->resume(slice), Progress::pending);
  EXPECT_EQ(f.host.outbox, (std::vector<stdx::Bytes>{"one", "two"}));
}

TEST(WasmtimeEngineTest, RAbi26ALoopThatNeverYieldsGivesWayAfterItsSlice) {
  Fixture f;
  auto instance = f.make("hostile");
  EXPECT_EQ(f.hostile('l', instance), Progress::pending);
  instance.reset();  // ended in the middle of its loop
  auto other = f.make("hostile");
  EXPECT_EQ(f.hostile('x', other), Progress::returned);
}

// R-ROLE-6: the sandbox of a space.
TEST(WasmtimeEngineTest, TrapsDeepRecursionAndWildPointersFailTheInstanceAndNothingElse) {
  for (const auto& [command, why] : {std::pair{'t', "unreachable"},
                                     {'s', "stack"},
                                     {'w', "out of bounds memory access at 0x"}}) {
    Fixture f;
    auto instance = f.make("hostile");
    EXPECT_EQ(f.hostile(command, instance), Progress::failed) << command;
    EXPECT_NE(instance->error().find(why), std::string::npos) << instance->error();
    EXPECT_EQ(instance->error().find('\n'), std::string::npos) << "one line for a person";
    auto other = f.make("hostile");
    EXPECT_EQ(f.hostile('x', other), Progress::returned);
  }
}

TEST(WasmtimeEngineTest, MemoryGrowsToItsLimitAndNoFurther) {
  Fixture f;
  auto instance = f.make("hostile", 8u << 20);
  EXPECT_EQ(f.hostile('g', instance), Progress::returned);
  EXPECT_LE(instance->memory_bytes(), 8u << 20);
  EXPECT_GT(instance->memory_bytes(), 6u << 20);
}

TEST(WasmtimeEngineTest, RAbi3AnImportThatIsNotGivenIsNamed) {
  Fixture f;
  auto some = functions();
  some.pop_back();
  const auto compiled = f.engine.compile_now(guest("relay"), some);
  ASSERT_FALSE(compiled);
  EXPECT_NE(compiled.error().message.find("emit_to"), std::string::npos)
      << compiled.error().message;
}

// R-SEND-6: nothing of another space is in its memory.
TEST(WasmtimeEngineTest, ANewInstanceSeesItsOwnDataAndZeros) {
  Fixture f;
  for (int i = 0; i < 3; ++i) {
    auto instance = f.make("relay");
    f.host.inbox = {"x"};
    ASSERT_TRUE(instance->begin("on_process"));
    instance->resume(slice);
    EXPECT_EQ(f.host.outbox.back(), "x");
  }
}

TEST(WasmtimeEngineTest, WhatIsNoModuleIsRefusedWithItsReason) {
  Fixture f;
  for (auto bytes : {stdx::Bytes(""), stdx::Bytes("PK\3\4"), guest("relay").substr(0, 100)}) {
    const auto compiled = f.engine.compile_now(bytes, functions());
    ASSERT_FALSE(compiled);
    EXPECT_EQ(compiled.error().code, stdx::Code::invalid);
  }
}

// Each proposal that stays off, as the smallest module that needs it.
TEST(WasmtimeEngineTest, ProposalsOutsideOurSurfaceAreRefused) {
  Fixture f;
  const std::string head("\0asm\1\0\0\0", 8);
  const std::pair<const char*, std::string> modules[] = {
      {"memory64", head + std::string("\x05\x03\x01\x04\x01", 5)},
      {"shared memory (threads)", head + std::string("\x05\x04\x01\x03\x01\x01", 6)},
      {"multi-memory", head + std::string("\x05\x05\x02\x00\x01\x00\x01", 7)},
      {"gc struct type", head + std::string("\x01\x04\x01\x5f\x00", 5)},
      {"exceptions (tag section)",
       head + std::string("\x01\x04\x01\x60\x00\x00\x0d\x03\x01\x00\x00", 11)},
  };
  for (const auto& [name, bytes] : modules) EXPECT_FALSE(f.engine.compile_now(bytes, {})) << name;
}

}  // namespace
}  // namespace adapters::wasmtime
