// SPDX-License-Identifier: Apache-2.0
#include "adapters/zip/zip.h"

#include <gtest/gtest.h>

namespace adapters::zip {
namespace {

const Files files = {{"manifest.yaml", "a: 1\n"},
                     {"spaces/s/core.wasm", std::string(5000, 'w')},
                     {"spaces/s/empty", ""}};

TEST(ZipTest, RMex24TheSameFilesGiveTheSameBytesAndComeBack) {
  const auto archive = write(files);
  ASSERT_TRUE(archive) << archive.error().message;
  EXPECT_EQ(*archive, *write(files));
  const auto back = read(*archive);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, files);
}

TEST(ZipTest, AnArchiveCutAnywhereOrWithAnythingAroundItIsRefused) {
  const auto archive = *write(files);
  for (std::size_t n = 0; n < archive.size(); ++n)
    EXPECT_FALSE(read(stdx::BytesView(archive).substr(0, n))) << n;
  EXPECT_FALSE(read(archive + "x"));
  EXPECT_FALSE(read("x" + archive));
}

TEST(ZipTest, UnsafeNamesAreRefused) {
  for (auto name : {"../x", "/x", "a/../x", "a//b", "C:\\x", "a\\b", "x.", "x ", "a/", "", ".",
                    "a/./b", "a\nb"})
    EXPECT_FALSE(is_safe_name(name)) << name;
  EXPECT_FALSE(is_safe_name(std::string(256, 'a')));
  EXPECT_TRUE(is_safe_name("spaces/a-b/core.wasm"));
  EXPECT_FALSE(write({{"../x", "y"}}));
}

TEST(ZipTest, NamesThatDifferOnlyInCaseAreTheSameName) {
  EXPECT_FALSE(write({{"A", "1"}, {"a", "2"}}));
}

TEST(ZipTest, ABombIsRefusedByItsHeaders) {
  EXPECT_FALSE(write({{"zeros", std::string(50u << 20, '\0')}}));
}

TEST(ZipTest, AHeaderThatDisagreesWithTheDirectoryIsRefused) {
  auto archive = *write(files);
  archive[14] ^= 1;  // the checksum in the first local header
  EXPECT_FALSE(read(archive));
}

}  // namespace
}  // namespace adapters::zip
