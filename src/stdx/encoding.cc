// SPDX-License-Identifier: Apache-2.0
#include "stdx/encoding.h"

#include <array>

#include "stdx/assert.h"

namespace stdx {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::string_view base32_digits = "abcdefghijklmnopqrstuvwxyz234567";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string hex_encode(BytesView bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (unsigned char c : bytes) {
    text += hex_digits[c >> 4];
    text += hex_digits[c & 15];
  }
  return text;
}

Result<Bytes> hex_decode(std::string_view text) {
  if (text.size() % 2 != 0) return fail(Code::invalid, "hex text has an odd length");
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]), low = hex_value(text[i + 1]);
    if (high < 0 || low < 0)
      return fail(Code::invalid, "hex text holds a character outside 0-9a-f");
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

std::string base32_encode(BytesView bytes) {
  std::string text;
  std::uint32_t buffer = 0;
  int bits = 0;
  for (const unsigned char byte : bytes) {
    buffer = (buffer << 8 | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) text += base32_digits[buffer >> (bits - 5) & 31];
  }
  if (bits > 0) text += base32_digits[buffer << (5 - bits) & 31];
  return text;
}

Result<Bytes> base32_decode(std::string_view text) {
  Bytes bytes;
  std::uint32_t buffer = 0;
  int bits = 0;
  for (const char c : text) {
    const auto digit = base32_digits.find(c);
    if (digit == std::string_view::npos) return fail(Code::invalid, "not base32");
    buffer = (buffer << 5 | static_cast<std::uint32_t>(digit)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push_back(static_cast<char>(buffer >> bits & 255));
  }
  if (base32_encode(bytes) != text) return fail(Code::invalid, "not base32");
  return bytes;
}

std::string base64_encode(BytesView bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t n = bytes.size() - i;
    const auto at = [&](std::size_t k) {
      return k < n ? static_cast<unsigned char>(bytes[i + k]) : 0u;
    };
    const std::uint32_t word = at(0) << 16 | at(1) << 8 | at(2);
    text += base64_digits[word >> 18];
    text += base64_digits[word >> 12 & 63];
    text += n > 1 ? base64_digits[word >> 6 & 63] : '=';
    text += n > 2 ? base64_digits[word & 63] : '=';
  }
  return text;
}

Result<Bytes> base64_decode(std::string_view text) {
  static const auto values = [] {
    std::array<std::int8_t, 256> table;
    table.fill(-1);
    for (std::size_t i = 0; i < base64_digits.size(); ++i)
      table[static_cast<unsigned char>(base64_digits[i])] = static_cast<std::int8_t>(i);
    return table;
  }();
  if (text.size() % 4 != 0) return fail(Code::invalid, "base64 text is not a multiple of 4 long");
  Bytes bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const int padding = !last ? 0 : text[i + 2] == '=' ? 2 : text[i + 3] == '=' ? 1 : 0;
    std::uint32_t word = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const bool pad = k >= 4u - static_cast<unsigned>(padding);
      const int value = pad ? 0 : values[static_cast<unsigned char>(text[i + k])];
      if (value < 0 || (pad && text[i + k] != '='))
        return fail(Code::invalid, "base64 text holds a character outside its alphabet");
      word = word << 6 | static_cast<std::uint32_t>(value);
    }
    bytes += static_cast<char>(word >> 16);
    if (padding < 2) bytes += static_cast<char>(word >> 8);
    if (padding < 1) bytes += static_cast<char>(word);
    // The bits under the padding must be zero, else two texts would name the same bytes.
    if ((padding == 2 && (word & 0xffff)) || (padding == 1 && (word & 0xff)))
      return fail(Code::invalid, "base64 text has bits under its padding");
  }
  return bytes;
}

std::string uuid_from(std::uint64_t high, std::uint64_t low) {
  high = (high & 0xffffffffffff0fffull) | 0x4000;
  low = (low & 0x3fffffffffffffffull) | 0x8000000000000000ull;
  Bytes bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(high >> shift);
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(low >> shift);
  return uuid_from_bytes(bytes);
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : hex_value(text[i]) < 0) return false;
  }
  return true;
}

Bytes uuid_to_bytes(std::string_view text) {
  ASSERT(is_uuid(text), "only a checked UUID is turned into bytes");
  std::string digits;
  for (char c : text)
    if (c != '-') digits += c;
  return *hex_decode(digits);
}

std::string uuid_from_bytes(BytesView bytes) {
  ASSERT(bytes.size() == 16, "a UUID has 16 bytes");
  const std::string digits = hex_encode(bytes);
  return digits.substr(0, 8) + "-" + digits.substr(8, 4) + "-" + digits.substr(12, 4) + "-" +
         digits.substr(16, 4) + "-" + digits.substr(20);
}

}  // namespace stdx
