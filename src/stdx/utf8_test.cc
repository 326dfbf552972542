// SPDX-License-Identifier: Apache-2.0
#include "stdx/utf8.h"

#include <gtest/gtest.h>

namespace stdx {
namespace {

TEST(Utf8Test, OnlyWholeCharactersAreText) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("gr\xc3\xbc\xc3\x9f"));
  EXPECT_FALSE(is_utf8("gr\xc3"));
  EXPECT_FALSE(is_utf8("\xff"));
  EXPECT_FALSE(is_utf8("\xed\xa0\x80")) << "half of a pair of UTF-16";
  EXPECT_FALSE(is_utf8("\xe0\x80\x80")) << "longer than need be";
}

}  // namespace
}  // namespace stdx
