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

// A deflate stream ends inside a byte; the rest of that byte means nothing.
TEST(ZipTest, ATurnedBitBehindTheEndOfADeflateStreamIsRefused) {
  int unused = 0;
  for (std::size_t length = 100; length < 140; ++length) {
    const auto good = *write({{"a", std::string(length, 'w') + std::to_string(length)}});
    const auto packed = static_cast<unsigned char>(good[18]);  // of less than 256 bytes
    const std::size_t last = 30 + 1 + packed - 1;
    for (int bit = 7; bit >= 0; --bit) {
      if ((good[last] >> bit & 1) != 0) break;  // the last one that counts is in the end's code
      auto bad = good;
      bad[last] = static_cast<char>(bad[last] ^ 1 << bit);
      EXPECT_FALSE(read(bad)) << "bit " << bit << " with " << length << " bytes";
      ++unused;
    }
  }
  EXPECT_GT(unused, 0);
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
