// SPDX-License-Identifier: Apache-2.0
#include "adapters/wasmtime/bulk_steps.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>

#include "adapters/wasmtime/engine.h"
#include "simkit/process.h"
#include "stdx/prng.h"

namespace adapters::wasmtime {
namespace {

using ports::HostCall;
using ports::HostResult;
using Progress = ports::Instance::Progress;

constexpr auto slice = std::chrono::milliseconds(1);
constexpr std::uint32_t step = 64u << 10;

stdx::Bytes guest(const std::string& name) {
  std::ifstream file(std::string(SAMOZA_GUESTS_DIR) + "/" + name + ".wasm", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Command {
  std::uint32_t what, to, from, bytes;
};

// Gives the guest one command after the other, and sees its memory.
struct BulkGuest {
  simkit::World world{1};
  simkit::Process process{world, "z", "zrun"};
  WasmtimeEngine engine{process};
  std::vector<Command> commands;
  std::size_t given = 0;
  std::uint8_t* memory = nullptr;
  std::shared_ptr<ports::Module> module;
  std::unique_ptr<ports::Instance> instance;

  static HostResult recv(void* context, const HostCall& call) {
    auto& self = *static_cast<BulkGuest*>(context);
    self.memory = call.memory.base;
    if (self.given == self.commands.size()) return HostResult::done(-5);
    std::memcpy(call.memory.base + call.args[0].as<std::uint32_t>(), &self.commands[self.given++],
                sizeof(Command));
    return HostResult::done(static_cast<std::int32_t>(sizeof(Command)));
  }

  BulkGuest() {
    auto compiled = engine.compile_now(guest("bulk"), {{"net", "recv_next", "iiii>i", true, recv}});
    EXPECT_TRUE(compiled) << compiled.error().message;
    module = *compiled;
    instance = module->instantiate(this, 512u << 20);
    EXPECT_TRUE(instance->begin("on_init"));
    EXPECT_EQ(run(), Progress::returned);
    EXPECT_EQ(instance->value(), 0);
  }
  // Until it ends; counts the slices that it used up.
  int slices = 0;
  Progress run() {
    for (slices = 0;; ++slices)
      if (const auto progress = instance->resume(slice); progress != Progress::pending)
        return progress;
  }
  Progress carry_out(std::vector<Command> list) {
    commands = std::move(list);
    given = 0;
    EXPECT_TRUE(instance->begin("on_process"));
    return run();
  }
};

TEST(BulkStepsTest, AFillThatTakesLongGivesWayLikeALoop) {
  BulkGuest f;
  EXPECT_EQ(f.carry_out({{'f', 1u << 20, 7, 300u << 20}}), Progress::returned);
  EXPECT_GT(f.slices, 1);
  EXPECT_EQ(f.memory[(301u << 20) - 1], 7);
  EXPECT_EQ(f.carry_out({{'c', 1u << 20, 2u << 20, 299u << 20}}), Progress::returned);
  EXPECT_GT(f.slices, 1);
}

TEST(BulkStepsTest, PropertyFillsAndCopiesOfAnySizeAndOverlapDoWhatTheyDidInOnePiece) {
  constexpr std::uint32_t base = 2u << 20, size = 1u << 20;
  BulkGuest f;
  ASSERT_EQ(f.carry_out({}), Progress::returned);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    stdx::Prng prng(seed);
    std::vector<Command> commands;
    std::string expected(reinterpret_cast<char*>(f.memory) + base, size);
    for (int i = 0; i < 30; ++i) {
      const std::uint32_t lengths[] = {0,        1,        step - 1, step,         step + 1,
                                       2 * step, 3 * step, 5 * step, 5 * step + 7, 7 * step - 1};
      Command command{prng.chance(1, 2) ? std::uint32_t{'f'} : std::uint32_t{'c'}, 0, 0,
                      lengths[prng.below(std::size(lengths))]};
      command.to = static_cast<std::uint32_t>(prng.below(size - command.bytes));
      command.from = command.what == 'f'
                         ? static_cast<std::uint32_t>(prng.below(256))
                         : static_cast<std::uint32_t>(prng.below(size - command.bytes));
      // Many of the copies overlap by little more or less than a step.
      if (command.what == 'c' && prng.chance(1, 2) && command.to > 2 * step &&
          command.to + command.bytes + 2 * step < size)
        command.from = command.to - step + static_cast<std::uint32_t>(prng.below(2 * step));
      if (command.what == 'f')
        std::memset(expected.data() + command.to, static_cast<int>(command.from), command.bytes);
      else
        std::memmove(expected.data() + command.to, expected.data() + command.from, command.bytes);
      command.to += base;
      if (command.what == 'c') command.from += base;
      commands.push_back(command);
    }
    ASSERT_EQ(f.carry_out(commands), Progress::returned);
    ASSERT_TRUE(std::memcmp(f.memory + base, expected.data(), size) == 0) << "seed " << seed;
  }
}

TEST(BulkStepsTest, WhatLeavesTheMemoryTrapsBeforeAnythingIsWritten) {
  const std::uint32_t end = 300u << 20, far = 0xffff0000u;
  for (const auto& command : {Command{'f', end, 7, 200u << 20}, Command{'c', end, 0, 200u << 20},
                              Command{'c', end - (100u << 20), end, 200u << 20},
                              Command{'f', far, 7, 2 * step}, Command{'f', end, 7, 0xffffffffu}}) {
    BulkGuest f;
    EXPECT_EQ(f.carry_out({command}), Progress::failed);
    EXPECT_NE(f.instance->error().find("out of bounds memory access"), std::string::npos)
        << f.instance->error();
    EXPECT_EQ(f.memory[end], 0);
    EXPECT_EQ(f.memory[end - (100u << 20)], 0);
  }
}

// --- memory.init ---

std::string leb(std::uint32_t value) {
  std::string out;
  do {
    const auto seven = static_cast<char>(value & 0x7f);
    value >>= 7;
    out += static_cast<char>(value != 0 ? seven | '\x80' : seven);
  } while (value != 0);
  return out;
}

std::string section(char id, const std::string& content) {
  return id + leb(static_cast<std::uint32_t>(content.size())) + content;
}

// Copies `bytes` of its data to address 16 and traps unless the last of them has come along.
std::string init_module(std::uint32_t data, std::uint32_t bytes) {
  using namespace std::string_literals;
  // Five bytes, whatever its size: the last one holds the sign.
  const auto number = [](std::uint32_t value) {
    auto text = leb(value | 0x80000000u);
    text.back() = static_cast<char>(value >> 28);
    return "\x41" + text;
  };
  const auto body = "\x00"s + number(16) + number(0) + number(bytes) + "\xfc\x08\x00\x00"s +
                    number(16 + bytes - 1) + "\x2d\x00\x00"s + number('x') +
                    "\x47\x04\x40\x00\x0b\x0b"s;
  return "\0asm\1\0\0\0"s + section(1, "\x01\x60\x00\x00"s) + section(3, "\x01\x00"s) +
         section(5, "\x01\x00\x40"s) + section(7, "\x01\x0aon_process\x00\x00"s) +
         section(12, "\x01"s) +
         section(10, "\x01" + leb(static_cast<std::uint32_t>(body.size())) + body) +
         section(11, "\x01\x01" + leb(data) + std::string(data, 'x'));
}

TEST(BulkStepsTest, AnInitOfALargeSegmentIsCopiedInStepsAndASmallOneIsLeftAlone) {
  for (const auto& [data, changes] : {std::pair{step, false}, {10 * step + 3, true}}) {
    stdx::Bytes changed;
    const auto module = init_module(data, data);
    const auto in_steps = with_bulk_in_steps(module, changed);
    ASSERT_TRUE(in_steps) << in_steps.error().message;
    EXPECT_EQ(!changed.empty(), changes);
    for (const auto& [bytes, ends] :
         {std::pair{data, Progress::returned}, {data + 1, Progress::failed}}) {
      simkit::World world{1};
      simkit::Process process{world, "z", "zrun"};
      WasmtimeEngine engine{process};
      auto compiled = engine.compile_now(init_module(data, bytes), {});
      ASSERT_TRUE(compiled) << compiled.error().message;
      auto instance = (*compiled)->instantiate(nullptr, 8u << 20);
      ASSERT_TRUE(instance->begin("on_process"));
      auto progress = instance->resume(slice);
      while (progress == Progress::pending) progress = instance->resume(slice);
      EXPECT_EQ(progress, ends) << data << " " << instance->error();
    }
  }
}

// --- host calls ---

// Calls env.slow 100 times, one behind the other: by itself, or through a table. No loop anywhere.
std::string straight_line(bool through_a_table) {
  using namespace std::string_literals;
  std::string body = "\x00"s;
  for (int i = 0; i < 100; ++i)
    body += (through_a_table ? "\x41\x00\x11\x00\x00"s : "\x10\x00"s) + "\x1a"s;
  body += "\x0b"s;
  return "\0asm\1\0\0\0"s + section(1, "\x02\x60\x00\x01\x7f\x60\x00\x00"s) +
         section(2,
                 "\x01\x03"
                 "env\x04"
                 "slow\x00\x00"s) +
         section(3, "\x01\x01"s) + section(4, "\x01\x70\x00\x01"s) +
         section(7, "\x01\x0aon_process\x00\x01"s) + section(9, "\x01\x00\x41\x00\x0b\x01\x00"s) +
         section(10, "\x01" + leb(static_cast<std::uint32_t>(body.size())) + body);
}

TEST(BulkStepsTest, HostCallsInAStraightLineGiveWayLikeALoop) {
  for (const bool through_a_table : {false, true}) {
    int calls = 0;
    const auto slow = [](void* context, const HostCall&) {
      ++*static_cast<int*>(context);
      const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(300);
      while (std::chrono::steady_clock::now() < until) {
      }
      return HostResult::done(0);
    };
    simkit::World world{1};
    simkit::Process process{world, "z", "zrun"};
    WasmtimeEngine engine{process};
    auto compiled =
        engine.compile_now(straight_line(through_a_table), {{"env", "slow", ">i", false, slow}});
    ASSERT_TRUE(compiled) << compiled.error().message;
    auto instance = (*compiled)->instantiate(&calls, 8u << 20);
    ASSERT_TRUE(instance->begin("on_process"));
    int slices = 0, most = 0;
    for (int before = 0;; before = calls) {
      const auto progress = instance->resume(slice);
      ++slices;
      most = std::max(most, calls - before);
      if (progress == Progress::pending) continue;
      EXPECT_EQ(progress, Progress::returned) << instance->error();
      break;
    }
    EXPECT_EQ(calls, 100);
    EXPECT_GT(slices, 5);
    EXPECT_LT(most, 50) << "30 ms in all";
  }
}

// Fills a table of 60,000 elements 2,000 times, one behind the other.
std::string table_fills() {
  using namespace std::string_literals;
  std::string body = "\x00"s;
  for (int i = 0; i < 2000; ++i) body += "\x41\x00\xd0\x70\x41\xe0\xd4\x03\xfc\x11\x00"s;
  body += "\x0b"s;
  return "\0asm\1\0\0\0"s + section(1, "\x01\x60\x00\x00"s) + section(3, "\x01\x00"s) +
         section(4, "\x01\x70\x00\xe0\xd4\x03"s) + section(7, "\x01\x0aon_process\x00\x00"s) +
         section(10, "\x01" + leb(static_cast<std::uint32_t>(body.size())) + body);
}

TEST(BulkStepsTest, FillsOfATableInAStraightLineGiveWayLikeALoop) {
  simkit::World world{1};
  simkit::Process process{world, "z", "zrun"};
  WasmtimeEngine engine{process};
  auto compiled = engine.compile_now(table_fills(), {});
  ASSERT_TRUE(compiled) << compiled.error().message;
  auto instance = (*compiled)->instantiate(nullptr, 8u << 20);
  ASSERT_TRUE(instance->begin("on_process"));
  int slices = 1;
  auto progress = instance->resume(slice);
  for (; progress == Progress::pending; ++slices) progress = instance->resume(slice);
  EXPECT_EQ(progress, Progress::returned) << instance->error();
  EXPECT_GT(slices, 5);
}

// A panic of the engine crate ends the process.
TEST(BulkStepsTest, AModuleWithAnyBitTurnedIsReadOrRefusedAndCrashesNothing) {
  for (const auto* name : {"bulk", "hostile", "relay"}) {
    const auto good = guest(name);
    std::size_t refused = 0;
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
      auto bad = good;
      bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
      stdx::Bytes changed;
      refused += !with_bulk_in_steps(bad, changed);
    }
    EXPECT_GT(refused, 0u);
  }
}

}  // namespace
}  // namespace adapters::wasmtime
