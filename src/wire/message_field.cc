// SPDX-License-Identifier: Apache-2.0
#include "wire/message_field.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

namespace wire {

void append_message_field(std::string& serialized, int number, std::string_view message) {
  constexpr std::uint32_t length_delimited = 2;
  google::protobuf::io::StringOutputStream out(&serialized);  // appends
  google::protobuf::io::CodedOutputStream coded(&out);
  coded.WriteTag(static_cast<std::uint32_t>(number) << 3 | length_delimited);
  coded.WriteVarint32(static_cast<std::uint32_t>(message.size()));
  coded.WriteRaw(message.data(), static_cast<int>(message.size()));
}

}  // namespace wire
