// SPDX-License-Identifier: Apache-2.0
// Reads the ALPN of a ClientHello (RFC 8446, 4.1.2; RFC 7301) that may be cut anywhere.
#include "adapters/tls/session.h"

namespace adapters::tls {

using stdx::Code;

namespace {

class Reader {
 public:
  explicit Reader(stdx::BytesView bytes) : bytes_(bytes) {}

  bool failed() const { return failed_; }
  bool empty() const { return bytes_.empty(); }
  std::size_t number(std::size_t size) {
    std::size_t value = 0;
    for (const unsigned char byte : take(size)) value = value << 8 | byte;
    return value;
  }
  stdx::BytesView take(std::size_t size) {
    if (size > bytes_.size()) {
      failed_ = true;
      bytes_ = {};
      return {};
    }
    const auto taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  // Its length in so many bytes, then itself.
  Reader part(std::size_t length_bytes) {
    Reader inner(take(number(length_bytes)));
    inner.failed_ = failed_;
    return inner;
  }

 private:
  stdx::BytesView bytes_;
  bool failed_ = false;
};

constexpr std::size_t handshake_record = 22, client_hello = 1, alpn_extension = 16;

}  // namespace

stdx::Result<Offered> offered_protocols(stdx::BytesView first) {
  const auto wrong = stdx::fail(Code::invalid, "it does not begin with a ClientHello of TLS");
  Offered offered;
  if (!first.empty() && static_cast<unsigned char>(first[0]) != handshake_record) return wrong;
  if (first.size() >= 2 && first[1] != 3) return wrong;
  if (first.size() < 5) return offered;
  Reader head(first.substr(3));
  const auto size = head.number(2);
  if (size < 4 || size > hello_bytes_max - 5) return wrong;
  if (first.size() >= 6 && static_cast<unsigned char>(first[5]) != client_hello) return wrong;
  if (first.size() < 5 + size) return offered;
  Reader record(first.substr(5, size));
  record.take(1);
  auto hello = record.part(3);
  hello.take(2 + 32);  // version, random
  hello.part(1);       // session id
  hello.part(2);       // cipher suites
  hello.part(1);       // compression
  auto extensions = hello.part(2);
  if (hello.failed()) return wrong;
  offered.whole = true;
  while (!extensions.empty() && !extensions.failed()) {
    const auto kind = extensions.number(2);
    auto body = extensions.part(2);
    if (kind != alpn_extension) continue;
    auto list = body.part(2);
    while (!list.empty() && !list.failed()) {
      const auto name = list.take(list.number(1));
      if (!list.failed()) offered.protocols.emplace_back(name);
    }
    if (body.failed() || list.failed()) return wrong;
  }
  if (extensions.failed()) return wrong;
  return offered;
}

}  // namespace adapters::tls
