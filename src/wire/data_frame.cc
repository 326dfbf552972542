// SPDX-License-Identifier: Apache-2.0
#include "wire/data_frame.h"

#include <bit>
#include <cstring>

#include "stdx/assert.h"
#include "stdx/text.h"
#include "wire/frame.h"

namespace wire {
namespace {

static_assert(std::endian::native == std::endian::little, "the header is copied as it is");

template <typename T>
void put(stdx::Bytes& frame, std::size_t at, T value) {
  std::memcpy(frame.data() + at, &value, sizeof value);
}
template <typename T>
T get(stdx::BytesView frame, std::size_t at) {
  T value;
  std::memcpy(&value, frame.data() + at, sizeof value);
  return value;
}

constexpr std::uint8_t flag_redelivered = 1, flag_traced = 2;

void put_trace(stdx::Bytes& frame, const model::TraceContext& trace) {
  put(frame, data_header_bytes, trace.trace_high);
  put(frame, data_header_bytes + 8, trace.trace_low);
  put(frame, data_header_bytes + 16, trace.span);
  put(frame, data_header_bytes + 24, trace.flags);
}

model::TraceContext trace_of(stdx::BytesView frame) {
  return {get<std::uint64_t>(frame, data_header_bytes),
          get<std::uint64_t>(frame, data_header_bytes + 8),
          get<std::uint64_t>(frame, data_header_bytes + 16),
          get<std::uint8_t>(frame, data_header_bytes + 24)};
}

}  // namespace

stdx::Bytes encode_data_frame(const DataHeader& header, stdx::BytesView payload) {
  ASSERT(payload.size() <= message_bytes_max, "a message's size is checked where it is taken in");
  const std::size_t before = data_header_bytes + (header.trace ? trace_bytes : 0);
  stdx::Bytes frame(before + payload.size(), '\0');
  put(frame, 0, static_cast<std::uint8_t>(FrameKind::data));
  put(frame, 1, static_cast<std::uint8_t>(header.type));
  put(frame, 2,
      static_cast<std::uint8_t>((header.redelivered ? flag_redelivered : 0) |
                                (header.trace ? flag_traced : 0)));
  put(frame, 3, header.hops);
  put(frame, 4, header.path);
  put(frame, 6, header.from_space);
  put(frame, 8, header.to_space);
  put(frame, 12, static_cast<std::uint32_t>(payload.size()));
  std::memcpy(frame.data() + 16, header.topology.data(), 16);
  put(frame, 32, header.from_epoch);
  put(frame, 40, header.to_epoch);
  put(frame, 48, header.from_run);
  put(frame, 52, header.to_run);
  put(frame, 56, header.seq);
  if (header.trace) put_trace(frame, *header.trace);
  if (!payload.empty()) std::memcpy(frame.data() + before, payload.data(), payload.size());
  return frame;
}

stdx::Result<DataFrame> parse_data_frame(stdx::BytesView frame) {
  using stdx::Code;
  if (frame.size() < data_header_bytes)
    return stdx::fail(
        Code::invalid,
        stdx::format("data frame of {} bytes is shorter than its header", frame.size()));
  if (get<std::uint8_t>(frame, 0) != static_cast<std::uint8_t>(FrameKind::data))
    return stdx::fail(Code::invalid, "not a data frame");
  const auto type = get<std::uint8_t>(frame, 1);
  if (type < 1 || type > 5)
    return stdx::fail(Code::invalid, stdx::format("unknown type of data frame {}", type));
  const auto flags = get<std::uint8_t>(frame, 2);
  const bool traced = (flags & flag_traced) != 0;
  if (flags > (flag_redelivered | flag_traced) || get<std::uint16_t>(frame, 10) != 0 ||
      (traced && type != static_cast<std::uint8_t>(DataType::message)))
    return stdx::fail(Code::invalid, "data frame sets bits that are reserved");
  const std::size_t before = data_header_bytes + (traced ? trace_bytes : 0);
  const auto payload_bytes = get<std::uint32_t>(frame, 12);
  if (payload_bytes > message_bytes_max || before + payload_bytes != frame.size())
    return stdx::fail(Code::invalid, stdx::format("data frame says {} payload bytes and has {} "
                                                  "bytes behind its header",
                                                  payload_bytes, frame.size() - data_header_bytes));
  DataFrame parsed;
  DataHeader& header = parsed.header;
  header.type = static_cast<DataType>(type);
  header.redelivered = (flags & flag_redelivered) != 0;
  header.hops = get<std::uint8_t>(frame, 3);
  header.path = get<std::uint16_t>(frame, 4);
  header.from_space = get<std::uint16_t>(frame, 6);
  header.to_space = get<std::uint16_t>(frame, 8);
  std::memcpy(header.topology.data(), frame.data() + 16, 16);
  header.from_epoch = get<std::uint64_t>(frame, 32);
  header.to_epoch = get<std::uint64_t>(frame, 40);
  header.from_run = get<std::uint32_t>(frame, 48);
  header.to_run = get<std::uint32_t>(frame, 52);
  header.seq = get<std::uint64_t>(frame, 56);
  if (traced) {
    header.trace = trace_of(frame);
    if ((header.trace->trace_high | header.trace->trace_low) == 0 || header.trace->flags > 1)
      return stdx::fail(Code::invalid,
                        "data frame has a trace context without a trace id, or "
                        "with flags that are not known");
  }
  parsed.payload = frame.substr(before);
  return parsed;
}

stdx::Bytes encode_open(const DataHeader& header, std::uint64_t stream) {
  stdx::Bytes payload;
  if (stream != 0) {
    payload.resize(sizeof stream);
    put(payload, 0, stream);
  }
  return encode_data_frame(header, payload);
}

std::uint64_t stream_of(const DataFrame& open) {
  return open.payload.size() == sizeof(std::uint64_t) ? get<std::uint64_t>(open.payload, 0) : 0;
}

void add_hop(stdx::Bytes& frame) {
  ASSERT(frame.size() >= data_header_bytes, "only a parsed frame is relayed");
  if (static_cast<std::uint8_t>(frame[3]) < 255) ++frame[3];
}

}  // namespace wire
