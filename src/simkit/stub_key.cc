// SPDX-License-Identifier: Apache-2.0
#include "simkit/stub_key.h"

#include "stdx/text.h"

namespace simkit {

using stdx::Code;

stdx::Result<stdx::Bytes> StubKey::mac(Purpose purpose, stdx::BytesView message) {
  if (!missing.empty()) return stdx::fail(Code::unavailable, missing);
  std::uint64_t hash = 14695981039346656037u;  // FNV-1a
  const auto add = [&hash](std::string_view text) {
    for (const auto c : text)
      hash = (hash ^ static_cast<unsigned char>(c)) * std::uint64_t{1099511628211u};
  };
  add(stdx::format("{}:{}:{}:", static_cast<int>(purpose), token.size(), token));
  add(message);
  return stdx::format("{:016x}", hash);
}

stdx::Status StubKey::check_token(std::string_view said) {
  if (!missing.empty()) return stdx::fail(Code::unavailable, missing);
  if (said == token) return {};
  return stdx::fail(Code::denied, "the join token is missing or wrong");
}

}  // namespace simkit
