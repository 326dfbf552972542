// SPDX-License-Identifier: Apache-2.0
#include "wire/data_frame.h"

#include <gtest/gtest.h>

#include "stdx/prng.h"

namespace wire {
namespace {

DataHeader some_header(stdx::Prng& prng) {
  DataHeader header;
  header.type = static_cast<DataType>(prng.between(1, 5));
  header.redelivered = prng.chance(1, 2);
  header.hops = static_cast<std::uint8_t>(prng.next());
  header.path = static_cast<std::uint16_t>(prng.next());
  header.from_space = static_cast<std::uint16_t>(prng.next());
  header.to_space = static_cast<std::uint16_t>(prng.next());
  for (auto& byte : header.topology) byte = static_cast<char>(prng.next());
  header.from_epoch = prng.next();
  header.to_epoch = prng.next();
  header.from_run = static_cast<std::uint32_t>(prng.next());
  header.to_run = static_cast<std::uint32_t>(prng.next());
  header.seq = prng.next();
  return header;
}

TEST(DataFrameTest, WhatIsEncodedParsesToTheSame) {
  stdx::Prng prng(11);
  for (int i = 0; i < 200; ++i) {
    const auto header = some_header(prng);
    const stdx::Bytes payload(prng.below(300), 'p');
    const auto frame = encode_data_frame(header, payload);
    const auto parsed = parse_data_frame(frame);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->header, header);
    EXPECT_EQ(parsed->payload, payload);
  }
}

TEST(DataFrameTest, ATraceContextTravelsWithAMessageAndCostsNothingWhereThereIsNone) {
  stdx::Prng prng(16);
  auto header = some_header(prng);
  header.type = DataType::message;
  const auto plain = encode_data_frame(header, "payload");
  EXPECT_EQ(plain.size(), data_header_bytes + 7);
  header.trace = model::TraceContext{1, 2, 3, model::TraceContext::sampled};
  const auto traced = encode_data_frame(header, "payload");
  EXPECT_EQ(traced.size(), plain.size() + trace_bytes);
  const auto parsed = parse_data_frame(traced);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->header, header);
  EXPECT_EQ(parsed->payload, "payload");
  for (std::size_t length = 0; length < traced.size(); ++length)
    EXPECT_FALSE(parse_data_frame(stdx::BytesView(traced).substr(0, length))) << length;
}

TEST(DataFrameTest, ATraceContextWithoutATraceIdOrOfAnAcknowledgementIsRefused) {
  stdx::Prng prng(17);
  auto header = some_header(prng);
  header.type = DataType::message;
  header.trace = model::TraceContext{0, 0, 3, 1};
  EXPECT_FALSE(parse_data_frame(encode_data_frame(header, "")));
  header.trace = model::TraceContext{1, 2, 0, 1};
  EXPECT_TRUE(parse_data_frame(encode_data_frame(header, "")));
  header.trace->flags = 2;
  EXPECT_FALSE(parse_data_frame(encode_data_frame(header, "")));
  header.trace->flags = 0;
  header.type = DataType::received;
  EXPECT_FALSE(parse_data_frame(encode_data_frame(header, "")));
}

TEST(DataFrameTest, AnOpenCarriesTheIdOfAnOutboxOrNone) {
  stdx::Prng prng(15);
  for (const std::uint64_t stream : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}}) {
    const auto frame = encode_open(some_header(prng), stream);
    const auto parsed = parse_data_frame(frame);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(stream_of(*parsed), stream);
  }
  const auto odd = encode_data_frame(some_header(prng), "1234567");
  EXPECT_EQ(stream_of(*parse_data_frame(odd)), 0u);
}

TEST(DataFrameTest, AFrameCutAtAnyByteIsRefused) {
  stdx::Prng prng(12);
  const auto frame = encode_data_frame(some_header(prng), "payload");
  for (std::size_t length = 0; length < frame.size(); ++length)
    EXPECT_FALSE(parse_data_frame(stdx::BytesView(frame).substr(0, length))) << length;
}

TEST(DataFrameTest, UnknownTypesReservedBitsAndFalseLengthsAreRefused) {
  stdx::Prng prng(13);
  const auto good = encode_data_frame(some_header(prng), "payload");
  for (auto [at, value] :
       {std::pair{0, 2}, {1, 0}, {1, 6}, {2, 2}, {2, 4}, {10, 1}, {12, 6}, {15, 127}}) {
    auto bad = good;
    bad[static_cast<std::size_t>(at)] = static_cast<char>(value);
    EXPECT_FALSE(parse_data_frame(bad)) << "byte " << at;
  }
}

TEST(DataFrameTest, ARelayAddsOneHopAndNothingElse) {
  stdx::Prng prng(14);
  auto header = some_header(prng);
  header.hops = 1;
  auto frame = encode_data_frame(header, "x");
  add_hop(frame);
  header.hops = 2;
  EXPECT_EQ(parse_data_frame(frame)->header, header);
}

}  // namespace
}  // namespace wire
