// SPDX-License-Identifier: Apache-2.0
#include "stdx/encoding.h"

#include <gtest/gtest.h>

#include "stdx/prng.h"
#include "stdx/text.h"

namespace stdx {
namespace {

TEST(EncodingTest, HexAndBase64GiveBackWhatWentIn) {
  Prng prng(1);
  for (int length = 0; length < 70; ++length) {
    Bytes bytes;
    for (int i = 0; i < length; ++i) bytes += static_cast<char>(prng.next());
    EXPECT_EQ(*hex_decode(hex_encode(bytes)), bytes);
    EXPECT_EQ(*base64_decode(base64_encode(bytes)), bytes);
  }
  EXPECT_EQ(base64_encode("any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw==");
}

TEST(EncodingTest, DecodersRefuseWhatTheirEncoderNeverWrites) {
  for (auto text : {"a", "0g", "AB"}) EXPECT_FALSE(hex_decode(text)) << text;
  for (auto text : {"a", "YW5=YW5=", "YW5*", "YX==", "YWF=", "===="})
    EXPECT_FALSE(base64_decode(text)) << text;
}

TEST(EncodingTest, RTopo16UuidsHaveTheirPublishedShape) {
  Prng prng(7);
  for (int i = 0; i < 100; ++i) {
    const auto uuid = uuid_from(prng.next(), prng.next());
    EXPECT_TRUE(is_uuid(uuid)) << uuid;
    EXPECT_EQ(uuid[14], '4');
    EXPECT_EQ(uuid_from_bytes(uuid_to_bytes(uuid)), uuid);
  }
  EXPECT_FALSE(is_uuid("00000000-0000-0000-0000-00000000000G"));
}

TEST(TextTest, DurationsAndSizesNeedTheirUnit) {
  EXPECT_EQ(*parse_duration("250ms"), 250ms);
  EXPECT_EQ(*parse_duration("3.4s"), 3400ms);
  EXPECT_EQ(*parse_duration("5m"), 300s);
  for (auto text : {"", "5", "s", "-1s", "1 s", "1e30h", "nans"})
    EXPECT_FALSE(parse_duration(text)) << text;
  EXPECT_EQ(*parse_bytes("64KiB"), 65536u);
  EXPECT_EQ(*parse_bytes("12"), 12u);
  for (auto text : {"", "KiB", "-1", "1.5MiB", "99999999999GiB"})
    EXPECT_FALSE(parse_bytes(text)) << text;
  EXPECT_EQ(format_duration(3400ms), "3.4s");
  EXPECT_EQ(format_duration(332s), "5m32s");
}

TEST(TextTest, PrintableKeepsTextAndHidesControlBytes) {
  EXPECT_EQ(printable("zhöst\x1b[31m\r\n"), "zhöst?[31m??");
  EXPECT_EQ(printable("\xff\xc3"), "??");
  EXPECT_EQ(printable("abcdef", 3), "abc…");
}

TEST(TextTest, Rfc3339IsWrittenInUtcAndRecognised) {
  EXPECT_EQ(format_rfc3339(WallTime(std::chrono::milliseconds(0))), "1970-01-01T00:00:00Z");
  EXPECT_TRUE(is_rfc3339("2026-04-05T10:00:00Z"));
  EXPECT_TRUE(is_rfc3339("2026-04-05T10:00:00.25+02:00"));
  EXPECT_FALSE(is_rfc3339("2026-04-05"));
  EXPECT_FALSE(is_rfc3339("2026-04-05T10:00:00"));
}

// RFC 4648, section 10, without padding.
TEST(EncodingTest, Base32IsThatOfTheRfcInLowerCaseAndReadInOneWayOnly) {
  EXPECT_EQ(base32_encode("foobar"), "mzxw6ytboi");
  EXPECT_EQ(base32_encode("f"), "my");
  EXPECT_EQ(*base32_decode("mzxw6ytboi"), "foobar");
  EXPECT_EQ(*base32_decode(""), "");
  for (const char* wrong : {"MZXW6", "mz", "m", "my======", "mzxw6ytb oi", "mz1w"})
    EXPECT_FALSE(base32_decode(wrong)) << wrong;
}

}  // namespace
}  // namespace stdx
