// SPDX-License-Identifier: Apache-2.0
#include "adapters/wasmtime/compiler.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "adapters/wait_queue.h"
#include "adapters/wasmtime/engine.h"
#include "stdx/text.h"

namespace adapters::wasmtime {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// LEB128.
stdx::Bytes number(std::uint64_t n) {
  stdx::Bytes bytes;
  do {
    bytes += static_cast<char>((n & 0x7f) | (n > 0x7f ? 0x80 : 0));
    n >>= 7;
  } while (n > 0);
  return bytes;
}

// One function that calls itself `n` times: its compilation takes far longer than a plain one's.
stdx::Bytes expensive(std::size_t n) {
  stdx::Bytes body("\x01\x02\x7e", 3);  // two locals of i64
  for (std::size_t i = 0; i < n; ++i) {
    body += stdx::Bytes("\x20\x00\x20\x01\x7c\x22\x01\x20\x00\x7e\x21\x00", 12);
    body += stdx::Bytes("\x10\x00\x1a", 3);
    if (i % 8 == 0) body += stdx::Bytes("\x20\x00\x50\x04\x40\x41\x00\x0f\x0b", 9);
  }
  body += stdx::Bytes("\x41\x00\x0b", 3);
  const auto section = [](char id, const stdx::Bytes& content) {
    return stdx::Bytes(1, id) + number(content.size()) + content;
  };
  return stdx::Bytes("\0asm\1\0\0\0", 8) + section(1, stdx::Bytes("\x01\x60\x00\x01\x7f", 5)) +
         section(3, stdx::Bytes("\x01\x00", 2)) +
         section(7, stdx::Bytes("\x01\x0aon_process\x00\x00", 14)) +
         section(10, stdx::Bytes("\x01", 1) + number(body.size()) + body);
}

struct Fixture {
  std::string folder;
  Compiler::Options options;
  Fixture() {
    char name[] = "/tmp/samoza-modules-XXXXXX";
    folder = mkdtemp(name);
    options.program = SAMOZA_COMPILE_PROGRAM;
    options.folder = folder + "/modules";
    options.time = 120s;
  }
  ~Fixture() { fs::remove_all(folder); }
  std::vector<fs::path> kept() const {
    std::vector<fs::path> all;
    for (const auto& entry : fs::directory_iterator(options.folder)) all.push_back(entry.path());
    return all;
  }
  // What the engine makes of it.
  stdx::Result<std::shared_ptr<ports::Module>> load(const stdx::Bytes& module) {
    WaitQueue queue;
    WasmtimeEngine engine(queue, {.compiler = options});
    stdx::Result<std::shared_ptr<ports::Module>> got = stdx::fail(stdx::Code::failed, "nothing");
    engine.compile(std::make_shared<const stdx::Bytes>(module), {},
                   [&](auto result) { got = std::move(result); });
    queue.run_one();
    return got;
  }
};

const stdx::Bytes small = expensive(1);

TEST(CompilerTest, AModuleIsCompiledInAChildOnceAndLoadedFromItsFolderAfterThat) {
  Fixture f;
  ASSERT_TRUE(f.load(small));
  ASSERT_EQ(f.kept().size(), 1u);
  f.options.program = "/nowhere/zrun-compile";
  EXPECT_TRUE(f.load(small)) << "nothing is compiled";
  EXPECT_EQ(f.load(expensive(2)).error().code, stdx::Code::failed);
}

TEST(CompilerTest, AnArtifactThatWasChangedOnDiskIsNotUsedAndMadeAnew) {
  Fixture f;
  ASSERT_TRUE(f.load(small));
  for (const std::size_t at : {0u, 40u}) {
    const auto path = f.kept().at(0);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char former = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(former ^ 1));
    file.close();
    EXPECT_EQ(Compiler(f.options).look_up(small).error().code, stdx::Code::corrupt);
    EXPECT_TRUE(f.load(small));
    EXPECT_TRUE(Compiler(f.options).look_up(small)) << "it is whole again";
  }
  fs::resize_file(f.kept().at(0), 3);
  EXPECT_TRUE(f.load(small));
}

TEST(CompilerTest, AModuleThatIsNotValidIsSaidInItsOwnWords) {
  Fixture f;
  const auto wrong = f.load("\0asm nonsense");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, stdx::Code::invalid);
  EXPECT_NE(wrong.error().message.find("the module is not valid"), std::string::npos);
  EXPECT_TRUE(f.kept().empty());
}

TEST(CompilerTest, TimeAndMemoryPastTheirLimitsAreErrorsThatNameThem) {
  Fixture f;
  const auto module = expensive(400'000);
  f.options.time = 20ms;
  const auto late = f.load(module);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, stdx::Code::full);
  EXPECT_NE(late.error().message.find("zrun.limits.compile_time"), std::string::npos);
  f.options.time = 600s;
  f.options.memory_bytes = 64u << 20;
  const auto large = f.load(module);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, stdx::Code::full);
  EXPECT_NE(large.error().message.find("zrun.limits.compile_memory"), std::string::npos)
      << large.error().message;
  EXPECT_TRUE(f.kept().empty());
}

TEST(CompilerTest, AtTheBoundOfTheFolderTheArtifactsUsedLongestAgoGo) {
  Fixture f;
  const Compiler compiler(f.options);
  const auto one = compiler.compile(small);
  ASSERT_TRUE(one);
  f.options.folder_bytes_max = one->size() * 5 / 2;
  const Compiler bounded(f.options);
  for (int n = 2; n <= 6; ++n) ASSERT_TRUE(bounded.compile(expensive(static_cast<std::size_t>(n))));
  EXPECT_LE(f.kept().size(), 2u);
  EXPECT_TRUE(bounded.look_up(expensive(6))) << "the newest one is there";
  EXPECT_EQ(bounded.look_up(small).error().code, stdx::Code::not_found);
}

TEST(CompilerTest, AModuleThatIsThereDoesNotWaitBehindOneThatIsCompiled) {
  Fixture f;
  ASSERT_TRUE(f.load(small));
  WaitQueue queue;
  f.options.time = 3s;
  WasmtimeEngine engine(queue, {.compiler = f.options});
  std::vector<std::string> order;
  const auto ask = [&](const stdx::Bytes& module, const char* name) {
    engine.compile(std::make_shared<const stdx::Bytes>(module), {},
                   [&order, name](auto) { order.push_back(name); });
  };
  for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i)
    ask(expensive(400'000 + i), "slow");
  ask(small, "kept");
  queue.run_one();
  EXPECT_EQ(order, (std::vector<std::string>{"kept"}));
}

}  // namespace
}  // namespace adapters::wasmtime
