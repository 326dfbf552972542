// SPDX-License-Identifier: Apache-2.0
#pragma once

// Bytes as text: lower-case hex, base32, standard base64 (with padding), UUIDs. Decoders are
// strict: any character outside the alphabet, wrong length or wrong padding is an error.

#include <cstdint>
#include <string>
#include <string_view>

#include "stdx/bytes.h"
#include "stdx/result.h"

namespace stdx {

std::string hex_encode(BytesView bytes);
Result<Bytes> hex_decode(std::string_view text);

// RFC 4648 in lower case, without padding; one text for one value.
std::string base32_encode(BytesView bytes);
Result<Bytes> base32_decode(std::string_view text);

std::string base64_encode(BytesView bytes);
Result<Bytes> base64_decode(std::string_view text);

// A version-4 UUID (8-4-4-4-12, lower case) from 128 random bits (R-TOPO-16).
std::string uuid_from(std::uint64_t high, std::uint64_t low);
bool is_uuid(std::string_view text);
// The 16 bytes of a UUID's text, and back. Requires is_uuid(text).
Bytes uuid_to_bytes(std::string_view text);
std::string uuid_from_bytes(BytesView bytes);

}  // namespace stdx
