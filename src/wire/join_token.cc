// SPDX-License-Identifier: Apache-2.0
#include "wire/join_token.h"

#include "stdx/encoding.h"
#include "stdx/text.h"

namespace wire {

using stdx::Code;

namespace {

constexpr char version = 1;
constexpr std::size_t hash_bytes = 32, id_bytes = 8, secret_bytes = 32, check_bytes = 2;
constexpr std::size_t head_bytes = 1 + hash_bytes + id_bytes + secret_bytes;
constexpr std::size_t text_bytes_max = 4096;

stdx::Bytes random_bytes(ports::Random& random, std::size_t size) {
  stdx::Bytes bytes;
  while (bytes.size() < size) {
    const auto bits = random.next();
    for (int shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<char>(bits >> shift));
  }
  bytes.resize(size);
  return bytes;
}

// Against a token that was copied in part or with a slip; it keeps nobody out.
stdx::Bytes checksum(stdx::BytesView bytes) {
  std::uint32_t sum = 0x811c9dc5;
  for (const unsigned char byte : bytes) sum = (sum ^ byte) * 0x01000193u;
  sum ^= sum >> 16;
  return {static_cast<char>(sum >> 8), static_cast<char>(sum)};
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const auto from = text.find_first_not_of(blank);
  if (from == std::string_view::npos) return "";
  return text.substr(from, text.find_last_not_of(blank) - from + 1);
}

}  // namespace

JoinToken make_join_token(ports::Random& random, std::vector<std::string> addresses,
                          stdx::Bytes authority_hash) {
  return {std::move(addresses), std::move(authority_hash),
          stdx::hex_encode(random_bytes(random, id_bytes)), random_bytes(random, secret_bytes)};
}

std::string to_text(const JoinToken& token) {
  stdx::Bytes bytes{version};
  bytes += token.authority_hash + stdx::hex_decode(token.id).value_or("") + token.secret;
  for (const auto& address : token.addresses) {
    bytes.push_back(static_cast<char>(address.size()));
    bytes += address;
  }
  return std::string(join_token_prefix) + stdx::base32_encode(bytes + checksum(bytes));
}

stdx::Result<JoinToken> parse_join_token(std::string_view given) {
  const auto text = trimmed(given);
  if (!text.starts_with(join_token_prefix) || text.size() > text_bytes_max)
    return stdx::fail(Code::invalid,
                      "this is no join token; one begins with 'smj_' and is printed by `zshell "
                      "cluster token create`");
  const auto cut = stdx::fail(Code::invalid,
                              "this join token is cut or changed; copy the whole of it, from "
                              "'smj_' to its end");
  const auto bytes = stdx::base32_decode(text.substr(join_token_prefix.size()));
  if (!bytes || bytes->size() < head_bytes + check_bytes || (*bytes)[0] != version) return cut;
  stdx::BytesView rest(*bytes);
  const auto said = rest.substr(rest.size() - check_bytes);
  rest.remove_suffix(check_bytes);
  if (said != checksum(rest)) return cut;
  JoinToken token;
  token.authority_hash = rest.substr(1, hash_bytes);
  token.id = stdx::hex_encode(rest.substr(1 + hash_bytes, id_bytes));
  token.secret = rest.substr(1 + hash_bytes + id_bytes, secret_bytes);
  rest.remove_prefix(head_bytes);
  while (!rest.empty()) {
    const auto size = static_cast<unsigned char>(rest[0]);
    if (size == 0 || size >= rest.size() || token.addresses.size() >= token.addresses_max)
      return cut;
    token.addresses.emplace_back(rest.substr(1, size));
    if (!is_host_and_port(token.addresses.back()))
      return stdx::fail(Code::invalid,
                        "this join token names a control plane that is no HOST:PORT; take one that "
                        "`zshell cluster token create` printed");
    rest.remove_prefix(1u + size);
  }
  return token;
}

bool is_host_and_port(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || text.size() > 253 + 6) return false;
  const auto port = stdx::parse_u64(text.substr(colon + 1));
  if (!port || *port == 0 || *port > 65535) return false;
  auto host = text.substr(0, colon);
  const bool v6 = host.starts_with('[') && host.ends_with(']');
  if (v6) {
    host = host.substr(1, host.size() - 2);
    return host.find(':') != host.npos &&
           host.find_first_not_of("0123456789abcdefABCDEF:.") == host.npos;
  }
  return host.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == host.npos;
}

stdx::Bytes secret_hash(const ports::Certifier& certifier, stdx::BytesView secret) {
  return certifier.sha256("samoza join token " + stdx::Bytes(secret));
}

}  // namespace wire
