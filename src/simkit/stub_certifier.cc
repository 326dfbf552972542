// SPDX-License-Identifier: Apache-2.0
#include "simkit/stub_certifier.h"

#include "stdx/encoding.h"
#include "stdx/text.h"

namespace simkit {

using stdx::Code;

namespace {

// key:       "stub-key|NUMBER"
// request:   "stub-request|KEY HASH|SIGNATURE"
// certificate: "stub-certificate|URI|FROM|TO|KEY HASH|SERIAL|SIGNER'S KEY HASH|SIGNATURE", where
// an authority has the URI "authority/CLUSTER".
constexpr std::string_view authority_prefix = "authority/";

stdx::Bytes hash_of(stdx::BytesView bytes) {
  stdx::Bytes digest;
  for (std::uint64_t part = 0; part < 4; ++part) {
    std::uint64_t hash = 14695981039346656037u + part;  // FNV-1a
    for (const auto c : bytes)
      hash = (hash ^ static_cast<unsigned char>(c)) * std::uint64_t{1099511628211u};
    for (int shift = 0; shift < 64; shift += 8) digest.push_back(static_cast<char>(hash >> shift));
  }
  return digest;
}

std::string hex_of_key(stdx::BytesView key) {
  return stdx::hex_encode(hash_of(key));
}

std::string signature(std::string_view signer, std::string_view text) {
  return stdx::hex_encode(hash_of(stdx::format("{}|{}", signer, text))).substr(0, 16);
}

struct Parsed {
  std::string uri, key_hash, serial, signer, body, signed_with;
  ports::Validity validity;
  bool is_authority() const { return uri.starts_with(authority_prefix); }
  bool signature_is_right() const { return signed_with == signature(signer, body); }
};

stdx::Result<Parsed> parse(stdx::BytesView certificate) {
  const auto parts = stdx::split(certificate, '|');
  if (parts.size() != 8 || parts[0] != "stub-certificate")
    return stdx::fail(Code::invalid, "it is no certificate");
  const auto from = stdx::parse_u64(parts[2]), to = stdx::parse_u64(parts[3]);
  if (!from || !to) return stdx::fail(Code::invalid, "it is no certificate");
  Parsed parsed;
  parsed.uri = parts[1];
  parsed.validity = {stdx::WallTime(std::chrono::milliseconds(*from)),
                     stdx::WallTime(std::chrono::milliseconds(*to))};
  parsed.key_hash = parts[4];
  parsed.serial = parts[5];
  parsed.signer = parts[6];
  parsed.signed_with = parts[7];
  parsed.body = certificate.substr(0, certificate.rfind('|'));
  return parsed;
}

stdx::Bytes write(const std::string& uri, const ports::Validity& validity,
                  std::string_view key_hash, std::string_view serial, std::string_view signer) {
  const auto ms = [](stdx::WallTime at) {
    return std::max<std::int64_t>(0, at.time_since_epoch().count());
  };
  const auto body = stdx::format("stub-certificate|{}|{}|{}|{}|{}|{}", uri, ms(validity.not_before),
                                 ms(validity.not_after), key_hash, serial, signer);
  return body + "|" + signature(signer, body);
}

std::string serial_of(stdx::BytesView proved_key_hash, std::uint64_t number) {
  const auto id = ports::key_id(proved_key_hash);
  return stdx::format("40{:0>16}{:014x}", id, number);
}

}  // namespace

stdx::Bytes StubCertifier::sha256(stdx::BytesView bytes) const {
  return hash_of(bytes);
}

stdx::Bytes StubCertifier::make_key() {
  return stdx::format("stub-key|{}.{}", seed_, ++made_);
}

stdx::Result<stdx::Bytes> StubCertifier::key_hash(stdx::BytesView bytes) const {
  if (bytes.starts_with("stub-key|")) return hash_of(bytes);
  TRY_ASSIGN(const auto parsed, parse(bytes));
  return stdx::hex_decode(parsed.key_hash);
}

stdx::Result<stdx::Bytes> StubCertifier::make_request(stdx::BytesView key) const {
  if (!key.starts_with("stub-key|")) return stdx::fail(Code::invalid, "it is no private key");
  const auto hash = hex_of_key(key);
  return stdx::format("stub-request|{}|{}", hash, signature(hash, "request"));
}

stdx::Result<stdx::Bytes> StubCertifier::check_request(stdx::BytesView request) const {
  const auto parts = stdx::split(request, '|');
  if (parts.size() != 3 || parts[0] != "stub-request")
    return stdx::fail(Code::invalid, "it is no certificate signing request");
  if (parts[2] != signature(parts[1], "request"))
    return stdx::fail(Code::denied, "the request is not signed by the key that it names");
  return stdx::hex_decode(parts[1]);
}

stdx::Result<stdx::Bytes> StubCertifier::sign(stdx::BytesView key, stdx::BytesView message) const {
  if (!key.starts_with("stub-key|")) return stdx::fail(Code::invalid, "it is no private key");
  return signature(hex_of_key(key), message);
}

stdx::Status StubCertifier::check_signature(stdx::BytesView request, stdx::BytesView message,
                                            stdx::BytesView said) const {
  TRY_ASSIGN(const auto key, check_request(request));
  if (said == signature(stdx::hex_encode(key), message)) return {};
  return stdx::fail(Code::denied, "it is not signed by the key of the request");
}

stdx::Result<stdx::Bytes> StubCertifier::make_authority(stdx::BytesView key,
                                                        const std::string& cluster,
                                                        const ports::Validity& validity) {
  if (!key.starts_with("stub-key|")) return stdx::fail(Code::invalid, "it is no private key");
  const auto hash = hex_of_key(key);
  return write(std::string(authority_prefix) + cluster, validity, hash, serial_of({}, ++made_),
               hash);
}

stdx::Result<stdx::Bytes> StubCertifier::issue(const ports::KeyAndCertificate& authority,
                                               stdx::BytesView request, const Issue& issue) {
  TRY_ASSIGN(const auto key, check_request(request));
  TRY_ASSIGN(const auto signer, parse(authority.certificate));
  if (!signer.is_authority() || signer.key_hash != hex_of_key(authority.key))
    return stdx::fail(Code::invalid, "the authority's key is not that of its certificate");
  return write(ports::to_uri(issue.identity), issue.validity, stdx::hex_encode(key),
               serial_of(issue.proved_key_hash, ++made_), signer.key_hash);
}

stdx::Result<ports::Certificate> StubCertifier::read(stdx::BytesView certificate) const {
  TRY_ASSIGN(const auto parsed, parse(certificate));
  ports::Certificate out;
  out.validity = parsed.validity;
  TRY_ASSIGN(out.key_hash, stdx::hex_decode(parsed.key_hash));
  out.serial = parsed.serial;
  const auto id = ports::key_id_of_serial(out.serial);
  if (parsed.is_authority())
    out.identity.cluster = parsed.uri.substr(authority_prefix.size());
  else if (auto identity = ports::parse_uri(parsed.uri))
    out.identity = *identity;
  else
    return std::unexpected(identity.error());
  out.identity.key_id = id;
  return out;
}

stdx::Result<ports::Certificate> StubCertifier::verify(stdx::BytesView certificate,
                                                       const std::vector<stdx::Bytes>& shown,
                                                       const ports::Trust& trust,
                                                       stdx::WallTime now, bool at_any_time) const {
  const auto parsed = parse(certificate);
  if (!parsed) return stdx::fail(Code::denied, parsed.error().message);
  const auto is_signer = [&](const stdx::Bytes& candidate, bool pinned) {
    const auto authority = parse(candidate);
    if (!authority || !authority->is_authority() || !authority->signature_is_right()) return false;
    if (pinned && authority->key_hash != stdx::hex_encode(trust.pinned_key_hash)) return false;
    return authority->key_hash == parsed->signer;
  };
  bool known = false;
  for (const auto& authority : trust.authorities) known |= is_signer(authority, false);
  if (trust.authorities.empty() && !trust.pinned_key_hash.empty())
    for (const auto& authority : shown) known |= is_signer(authority, true);
  if (!known || parsed->is_authority() || !parsed->signature_is_right())
    return stdx::fail(Code::denied, "its certificate is not signed by this cluster's authority");
  auto out = read(certificate);
  if (!out) return stdx::fail(Code::denied, out.error().message);
  TRY(ports::check_cluster(out->identity, trust.cluster));
  if (!at_any_time) TRY(ports::check_time(out->validity, now, trust.leeway));
  TRY(ports::check_revoked(out->identity, trust.revoked));
  return out;
}

}  // namespace simkit
