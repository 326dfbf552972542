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

stdx::Status StubKey::check(Purpose purpose, stdx::BytesView message, stdx::BytesView said) {
  TRY_ASSIGN(const auto ours, mac(purpose, message));
  if (ports::same_mac(ours, said)) return {};
  return ports::no_such_mac(said);
}

}  // namespace simkit
