// SPDX-License-Identifier: Apache-2.0
#include "config/key_text.h"

#include "stdx/encoding.h"
#include "stdx/text.h"

namespace config {
namespace {

using stdx::Code;
using stdx::format;

constexpr std::size_t key_bytes = 32;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n", byte_order_mark = "\xef\xbb\xbf";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// What the text is, where it is a well-known form of another tool.
std::string_view known_form(std::string_view text) {
  if (text.starts_with("-----BEGIN OPENSSH")) return "an OpenSSH private key";
  if (text.starts_with("-----BEGIN PUBLIC KEY")) return "a public key in PEM";
  if (text.starts_with("-----BEGIN CERTIFICATE")) return "a certificate in PEM";
  if (text.starts_with("-----BEGIN")) return "a key in PEM";
  if (text.starts_with("ssh-") || text.starts_with("ecdsa-") || text.starts_with("sk-"))
    return "an OpenSSH public key";
  return {};
}

stdx::Result<stdx::Bytes> parse(std::string_view text, std::string_view where,
                                std::string_view needed) {
  text = trimmed(text);
  const auto refuse = [&](const std::string& found) {
    return stdx::fail(Code::invalid, format("{} {}; {}", where, found, needed));
  };
  if (text.empty()) return refuse("is empty");
  if (const auto form = known_form(text); !form.empty())
    return refuse(format("holds {}, which is not taken", form));
  if (text.find_first_of(" \t\r\n") != std::string_view::npos)
    return refuse("holds more than one word");
  auto key = stdx::base64_decode(text);
  if (!key) return refuse("does not hold base64");
  if (key->size() != key_bytes)
    return refuse(format("holds {} bytes in base64 instead of {}", key->size(), key_bytes));
  return key;
}

}  // namespace

stdx::Result<stdx::Bytes> parse_private_key(std::string_view text, std::string_view where) {
  return parse(text, where,
               "a private key is 32 bytes in base64 on one line, as `mex keygen FILE` writes it");
}

stdx::Result<stdx::Bytes> parse_public_key(std::string_view text, std::string_view where) {
  return parse(text, where,
               "a public key is 32 bytes in base64 on one line, as `mex keygen FILE` prints it");
}

}  // namespace config
