// SPDX-License-Identifier: Apache-2.0
#include "wire/frame.h"

#include <gtest/gtest.h>

namespace wire {
namespace {

TEST(FrameTest, AnEnvelopeComesBackFromItsFrame) {
  v1::Envelope envelope;
  envelope.set_method("zrms.resource_report");
  envelope.set_request_id(7);
  const auto frame = encode_frame(FrameKind::envelope, envelope);
  EXPECT_EQ(frame_kind(frame), FrameKind::envelope);
  const auto parsed = parse_frame<v1::Envelope>(frame);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->method(), "zrms.resource_report");
}

TEST(FrameTest, EmptyFramesUnknownKindsAndGarbageAreErrors) {
  EXPECT_FALSE(frame_kind(""));
  EXPECT_FALSE(frame_kind(std::string(1, '\0')));
  EXPECT_FALSE(frame_kind("\x09xyz"));
  EXPECT_FALSE(parse_frame<v1::Envelope>("\x02\xff\xff\xff\xff"));
}

TEST(FrameTest, ErrorsKeepTheirCodeOnTheWire) {
  const stdx::Error error{stdx::Code::stale, "term 3 is older than 4"};
  EXPECT_EQ(from_wire(to_wire(error)), error);
  v1::Status strange;
  strange.set_code(99);
  EXPECT_EQ(from_wire(strange).code, stdx::Code::failed);
}

TEST(FrameTest, RenewalsOfTheLeaseAndPingsAreUrgentAndTheirAnswersToo) {
  v1::Envelope envelope;
  envelope.set_is_response(true);
  for (const char* method : {"controlplane.cas_term", "controlplane.read_term", "service.ping",
                             "startz.beat", "startz.beat_wanted", "startz.probe", "zmesh.ping"}) {
    envelope.set_method(method);
    EXPECT_EQ(urgency_of(envelope), ports::Urgency::urgent) << method;
  }
  for (const char* method : {"controlplane.commit", "zrms.resource_report", ""}) {
    envelope.set_method(method);
    EXPECT_EQ(urgency_of(envelope), ports::Urgency::normal) << method;
  }
}

}  // namespace
}  // namespace wire
