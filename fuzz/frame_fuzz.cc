// SPDX-License-Identifier: Apache-2.0
// Attacks what a peer's link hands in: the frame's kind, the message behind it, the data frame's
// header; and the JSON of the HTTP edge. Property: what decodes encodes again, to the same.
#include <cstdint>

#include "fuzz/require.h"
#include "samoza/v1/cluster.pb.h"
#include "samoza/v1/topology.pb.h"
#include "wire/data_frame.h"
#include "wire/frame.h"
#include "wire/json.h"
#include "wire/topology_codec.h"

namespace {

template <typename Message>
void message(stdx::BytesView frame, wire::FrameKind kind) {
  const auto parsed = wire::parse_frame<Message>(frame);
  if (!parsed) return;
  const auto encoded = wire::encode_frame(kind, *parsed);
  REQUIRE(wire::frame_kind(encoded) == kind);
  const auto again = wire::parse_frame<Message>(encoded);
  REQUIRE(again);
  REQUIRE(again->SerializeAsString() == parsed->SerializeAsString());
  // Every message can be shown at the HTTP edge.
  Message from_json;
  REQUIRE(wire::from_json(wire::to_json(*parsed), from_json));
  REQUIRE(from_json.SerializeAsString() == parsed->SerializeAsString());
}

void data(stdx::BytesView frame) {
  const auto parsed = wire::parse_data_frame(frame);
  if (!parsed) return;
  auto encoded = wire::encode_data_frame(parsed->header, parsed->payload);
  REQUIRE(encoded == frame);
  wire::add_hop(encoded);
  const auto relayed = wire::parse_data_frame(encoded);
  REQUIRE(relayed && relayed->payload == parsed->payload);
}

void topology(stdx::BytesView bytes) {
  const auto spec = wire::parse<samoza::v1::TopologySpec>(bytes);
  if (!spec) return;
  const auto topology = wire::from_wire(*spec);
  if (!topology) return;
  const auto again = wire::from_wire(wire::to_wire(*topology));
  // Compared where a NaN cannot make a value unlike itself.
  REQUIRE(again && again->spaces.size() == topology->spaces.size() &&
          again->paths == topology->paths);
}

void json(std::string_view text) {
  wire::v1::Envelope envelope;
  if (!wire::from_json(text, envelope)) return;
  wire::v1::Envelope again;
  REQUIRE(wire::from_json(wire::to_json(envelope), again));
  REQUIRE(again.SerializeAsString() == envelope.SerializeAsString());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const stdx::BytesView frame(reinterpret_cast<const char*>(bytes), size);
  data(frame);
  json(frame);
  topology(frame);
  (void)wire::error_from_response({.status = 400, .body = std::string(frame)});
  const auto kind = wire::frame_kind(frame);
  if (!kind) return 0;
  switch (*kind) {
    case wire::FrameKind::hello:
      message<wire::v1::Hello>(frame, *kind);
      break;
    case wire::FrameKind::envelope:
      message<wire::v1::Envelope>(frame, *kind);
      break;
    case wire::FrameKind::peer_hello:
    case wire::FrameKind::data_hello:
      message<wire::v1::PeerHello>(frame, *kind);
      break;
    case wire::FrameKind::data:
      break;
  }
  return 0;
}
