// SPDX-License-Identifier: Apache-2.0
#include "adapters/posix/safe_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "adapters/posix/files.h"

namespace adapters::posix {
namespace {

namespace fs = std::filesystem;
using stdx::Code;

struct SafeFilesTest : testing::Test {
  std::string folder;
  SafeFilesTest() {
    char name[] = "/tmp/samoza-safe-XXXXXX";
    folder = mkdtemp(name);
  }
  ~SafeFilesTest() override { fs::remove_all(folder); }
  static struct stat at(const std::string& path) {
    struct stat info{};
    EXPECT_EQ(lstat(path.c_str(), &info), 0) << path;
    return info;
  }
  static constexpr unsigned other = 12345;
  static bool is_root() { return geteuid() == 0; }
};

TEST_F(SafeFilesTest, AFileIsWrittenWholeWithItsModeAndReplaced) {
  ASSERT_TRUE(make_folder_safely(folder + "/a/b", 0700, {}));
  EXPECT_EQ(at(folder + "/a/b").st_mode & 07777, 0700u);
  EXPECT_EQ(at(folder + "/a").st_mode & 07777, 0755u);
  for (const std::string text : {"one", "two"}) {
    ASSERT_TRUE(write_file_safely(folder + "/a/b/f", text, 0640, {}));
    EXPECT_EQ(*read_file(folder + "/a/b/f", 100), text);
  }
  EXPECT_EQ(at(folder + "/a/b/f").st_mode & 07777, 0640u);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder + "/a/b"), fs::directory_iterator()), 1);
  EXPECT_EQ(write_file_safely(folder + "/none/f", "x", 0600, {}).error().code, Code::not_found);
}

TEST_F(SafeFilesTest, ALinkThatAUserMadeIsNotFollowed) {
  if (!is_root()) GTEST_SKIP() << "only root writes for another user";
  std::ofstream(folder + "/victim") << "precious";
  fs::create_directory(folder + "/mine");
  ASSERT_TRUE(make_folder_safely(folder + "/users", 0700, Owner{other, other}));
  EXPECT_EQ(at(folder + "/users").st_uid, other);
  // In the folder that belongs to the user: in place of the file, and of a folder.
  fs::create_symlink(folder + "/victim", folder + "/users/zhost.yaml");
  fs::create_symlink(folder + "/mine", folder + "/users/state");
  for (const char* name : {"/users/zhost.yaml", "/users/state"})
    ASSERT_EQ(lchown((folder + name).c_str(), other, other), 0);
  EXPECT_EQ(write_file_safely(folder + "/users/zhost.yaml", "x", 0644, {}).error().code,
            Code::denied);
  EXPECT_EQ(write_file_safely(folder + "/users/state/f", "x", 0644, {}).error().code, Code::denied);
  EXPECT_EQ(make_folder_safely(folder + "/users/state", 0700, Owner{other, other}).error().code,
            Code::denied);
  EXPECT_EQ(*read_file(folder + "/victim", 100), "precious");
  EXPECT_EQ(at(folder + "/mine").st_uid, 0u);
  EXPECT_TRUE(fs::is_empty(folder + "/mine"));
}

TEST_F(SafeFilesTest, AFileForAnotherUserBelongsToItAndAFolderOfAThirdOneIsRefused) {
  if (!is_root()) GTEST_SKIP() << "only root writes for another user";
  ASSERT_TRUE(make_folder_safely(folder + "/users", 0700, Owner{other, other}));
  ASSERT_TRUE(write_file_safely(folder + "/users/f", "secret", 0600, Owner{other, other}));
  EXPECT_EQ(at(folder + "/users/f").st_uid, other);
  EXPECT_EQ(at(folder + "/users/f").st_mode & 07777, 0600u);
  EXPECT_EQ(make_folder_safely(folder + "/users", 0700, Owner{other + 1, other}).error().code,
            Code::denied);
}

}  // namespace
}  // namespace adapters::posix
