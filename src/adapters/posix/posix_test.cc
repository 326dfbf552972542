// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "adapters/loop/loop.h"
#include "adapters/posix/files.h"
#include "adapters/posix/limits.h"
#include "adapters/posix/processes.h"
#include "adapters/posix/random.h"

namespace adapters::posix {
namespace {

using namespace std::chrono_literals;

struct TempFolder {
  std::string path;
  TempFolder() {
    char name[] = "/tmp/samoza-posix-XXXXXX";
    path = mkdtemp(name);
  }
  ~TempFolder() { std::filesystem::remove_all(path); }
};

// Runs the loop until `done` or a generous bound.
void run_until(loop::Loop& loop, const bool& done) {
  std::function<void()> look = [&] {
    if (done)
      loop.stop();
    else
      loop.after(1ms, [&] { look(); });
  };
  bool late = false;
  loop.post([&] { look(); });
  loop.after(20s, [&] {
    late = true;
    loop.stop();
  });
  loop.run();
  EXPECT_FALSE(late) << "the event did not come";
}

TEST(ProcessesTest, AnExitIsReportedOnceWithItsCodeOrSignal) {
  loop::Loop loop;
  PosixProcesses processes(loop);
  bool done = false;
  std::vector<ports::ProcessExit> exits;
  const auto note = [&](ports::ProcessExit exit) {
    exits.push_back(exit);
    done = exits.size() == 2;
  };
  ASSERT_TRUE(processes.spawn({"sh", {"/bin/sh", "-c", "exit $CODE"}, {{"CODE", "7"}}}, note));
  const auto sleeper = processes.spawn({"sleep", {"sleep", "1000"}, {}}, note);
  ASSERT_TRUE(sleeper);
  processes.kill(*sleeper);
  run_until(loop, done);
  ASSERT_EQ(exits.size(), 2u);
  if (exits[0].signal != 0) std::swap(exits[0], exits[1]);
  EXPECT_EQ(exits[0].code, 7);
  EXPECT_EQ(exits[1].signal, 9);
}

TEST(ProcessesTest, WhatCannotBeRunIsAnErrorThatNamesIt) {
  loop::Loop loop;
  PosixProcesses processes(loop);
  const auto result = processes.spawn({"zrun", {"/no/such/zrun"}, {}}, [](auto) {});
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("/no/such/zrun"), std::string::npos);
}

TEST(FilesTest, AFileIsReplacedWholeAndReadWithinItsBound) {
  TempFolder folder;
  const auto path = folder.path + "/token";
  ASSERT_TRUE(replace_file(path, "first"));
  ASSERT_TRUE(replace_file(path, "second"));
  EXPECT_EQ(read_file(path, 100), "second");
  EXPECT_EQ(read_file(path, 3).error().code, stdx::Code::invalid);
  EXPECT_EQ(read_file(folder.path + "/none", 3).error().code, stdx::Code::not_found);
  ASSERT_EQ(mkfifo((folder.path + "/pipe").c_str(), 0600), 0);
  EXPECT_EQ(read_file(folder.path + "/pipe", 3).error().code, stdx::Code::invalid)
      << "nobody writes to it: reading would wait for ever";
  struct stat info{};
  stat(path.c_str(), &info);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(FilesTest, ASecretIsMadeOnceInPrivateFoldersAndIsNoneWhenOthersMayReadIt) {
  TempFolder folder;
  const auto path = folder.path + "/a/b/secret";
  ASSERT_TRUE(create_secret_file(path, "first"));
  EXPECT_EQ(create_secret_file(path, "second").error().code, stdx::Code::already_exists);
  EXPECT_EQ(read_secret_file(path, 100), "first");
  EXPECT_EQ(read_secret_file(folder.path + "/none", 100).error().code, stdx::Code::not_found);
  struct stat info{};
  stat((folder.path + "/a").c_str(), &info);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  stat(path.c_str(), &info);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(info.st_nlink, 1u) << "nothing is left of how it was made";
  chmod(path.c_str(), 0640);
  const auto open_to_others = read_secret_file(path, 100);
  ASSERT_FALSE(open_to_others);
  EXPECT_NE(open_to_others.error().message.find("0640"), std::string::npos);
}

TEST(FilesTest, AFolderThatWasThereIsNeverChangedAndOneThatIsOpenIsRefusedWithTheWayOut) {
  TempFolder folder;
  const auto made = folder.path + "/a/b";
  ASSERT_TRUE(make_private_folder(made));
  struct stat info{};
  for (const auto& path : {folder.path + "/a", made}) {
    stat(path.c_str(), &info);
    EXPECT_EQ(info.st_mode & 07777, 0700u) << path;
  }
  EXPECT_TRUE(make_private_folder(made)) << "its own folder is taken again";
  for (const mode_t mode : {0755, 01777, 0750, 0701}) {
    chmod(made.c_str(), mode);
    const auto refused = make_private_folder(made);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, stdx::Code::denied);
    EXPECT_NE(refused.error().message.find("chmod 700 " + made), std::string::npos);
    EXPECT_NE(refused.error().message.find(made + "/samoza"), std::string::npos);
    stat(made.c_str(), &info);
    EXPECT_EQ(info.st_mode & 07777, mode) << "it stays as it was";
  }
  ASSERT_TRUE(replace_file(folder.path + "/file", "x"));
  EXPECT_EQ(make_private_folder(folder.path + "/file").error().code, stdx::Code::invalid);
}

TEST(FilesTest, OnAFullDiskAFileIsOverwrittenInPlaceAndNoHalfOfANewOneIsLeft) {
  TempFolder folder;
  if (mount("tmpfs", folder.path.c_str(), "tmpfs", 0, "size=64k") != 0)
    GTEST_SKIP() << "no tmpfs can be mounted here";
  const auto path = folder.path + "/number";
  ASSERT_TRUE(replace_file(path, "1\n\n\n"));
  const auto filled = replace_file(folder.path + "/big", std::string(1u << 20, 'x'));
  ASSERT_FALSE(filled);
  EXPECT_EQ(filled.error().code, stdx::Code::full);
  EXPECT_FALSE(std::filesystem::exists(folder.path + "/big.new"));
  std::ofstream fill(folder.path + "/fill");
  while (fill << std::string(512, 'x') << std::flush) {
  }
  EXPECT_EQ(replace_file(path, "2\n\n\n").error().code, stdx::Code::full);
  EXPECT_TRUE(overwrite_file(path, "12\n\n"));
  EXPECT_EQ(read_file(path, 100), "12\n\n");
  EXPECT_EQ(overwrite_file(path, "longer").error().code, stdx::Code::full);
  EXPECT_EQ(read_file(path, 100), "12\n\n");
  fill.close();
  umount(folder.path.c_str());
}

TEST(LimitsTest, StoresLeaveHalfOfTheDescriptorsToTheRest) {
  EXPECT_EQ(stores_open_max(256), 42u);
  EXPECT_EQ(stores_open_max(1024), 170u);
  EXPECT_EQ(stores_open_max(1u << 20), 1024u);
  EXPECT_GE(*raise_descriptor_limit(), descriptors_needed);
}

TEST(FilesTest, P12ALockIsHeldAgainstASecondTakerAndAgainstLivingChildren) {
  TempFolder folder;
  const auto path = folder.path + "/lock";
  {
    auto lock = FileLock::take(path);
    ASSERT_TRUE(lock);
    EXPECT_EQ(FileLock::take(path).error().code, stdx::Code::already_exists);
  }
  EXPECT_TRUE(FileLock::take(path));
  ASSERT_TRUE(hold_shared_lock(path));
  EXPECT_EQ(FileLock::take(path).error().code, stdx::Code::already_exists);
}

TEST(RandomTest, TheKernelGivesDifferentNumbers) {
  KernelRandom random;
  EXPECT_NE(random.next(), random.next());
}

}  // namespace
}  // namespace adapters::posix
