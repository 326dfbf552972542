// SPDX-License-Identifier: Apache-2.0
#include "adapters/posix/cgroup.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace adapters::posix {
namespace {

struct FakeKernel {
  std::string folder;
  FakeKernel() {
    char name[] = "/tmp/samoza-cgroup-XXXXXX";
    folder = mkdtemp(name);
  }
  ~FakeKernel() { std::filesystem::remove_all(folder); }
  void write(const std::string& name, const std::string& content) {
    const std::filesystem::path path = folder + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << content;
  }
  std::optional<MemoryLimit> limit() { return memory_limit(folder, folder + "/self"); }
};

TEST(CgroupTest, V2GivesTheTightestBoundOnTheWayUpWithoutFilesThatCanBeDropped) {
  FakeKernel kernel;
  kernel.write("self", "0::/system.slice/samoza.service\n");
  kernel.write("system.slice/samoza.service/memory.max", "max\n");
  kernel.write("system.slice/memory.max", "536870912\n");
  kernel.write("system.slice/memory.current", "104857600\n");
  kernel.write("system.slice/memory.stat", "anon 1\ninactive_file 4857600\n");
  kernel.write("system.slice/memory.events", "low 0\noom 4\noom_kill 3\noom_group_kill 0\n");
  const auto limit = kernel.limit();
  ASSERT_TRUE(limit);
  EXPECT_EQ(limit->bytes, 512u << 20);
  EXPECT_EQ(limit->used, 100'000'000u);
  EXPECT_EQ(limit->oom_kills, 3u);
}

TEST(CgroupTest, V1GivesItsBoundAlsoWhereTheNamespaceHidesTheCgroupsPath) {
  FakeKernel kernel;
  kernel.write("self", "9:name=systemd:/\n4:cpu,memory:/docker/abc\n0::/\n");
  kernel.write("memory/memory.limit_in_bytes", "268435456\n");
  kernel.write("memory/memory.usage_in_bytes", "1000\n");
  kernel.write("memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n");
  const auto limit = kernel.limit();
  ASSERT_TRUE(limit);
  EXPECT_EQ(limit->bytes, 256u << 20);
  EXPECT_EQ(limit->used, 1000u);
  EXPECT_EQ(limit->oom_kills, 7u);
}

TEST(CgroupTest, WithoutABoundThereIsNone) {
  FakeKernel kernel;
  EXPECT_FALSE(kernel.limit()) << "no cgroups at all";
  kernel.write("self", "4:memory:/x\n0::/x\nnonsense\n");
  kernel.write("memory/x/memory.limit_in_bytes", "9223372036854771712\n");
  kernel.write("x/memory.max", "max\n");
  EXPECT_FALSE(kernel.limit());
  EXPECT_GT(memory_total_bytes(), 0u);
}

}  // namespace
}  // namespace adapters::posix
