// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace wire {

// Appends a message that is at hand as bytes to another serialized one, as the field of that
// number: fields may come in any order (protobuf encoding, "Field Order").
void append_message_field(std::string& serialized, int number, std::string_view message);

}  // namespace wire
