// SPDX-License-Identifier: Apache-2.0
#include "rpc/request_proof.h"

#include "rpc/handshake.h"
#include "stdx/encoding.h"
#include "stdx/text.h"

namespace rpc {
namespace {

using stdx::Code;
using Purpose = ports::ClusterKey::Purpose;
constexpr std::string_view scheme = "Samoza-Proof ";

stdx::Bytes signed_request(stdx::BytesView transcript, stdx::BytesView body) {
  return length_and(transcript) + length_and(body);
}

stdx::Bytes signed_answer(const Answered& answered) {
  return signed_request(answered.transcript, answered.request_body) +
         length_and(std::to_string(answered.status)) + length_and(answered.body);
}

}  // namespace

stdx::Result<std::string> prove_request(ports::ClusterKey& key, stdx::BytesView nonce,
                                        stdx::BytesView transcript, stdx::BytesView body) {
  TRY_ASSIGN(const auto mac, key.mac(Purpose::registration, signed_request(transcript, body)));
  return stdx::format("{}{}.{}", scheme, stdx::hex_encode(nonce), stdx::hex_encode(mac));
}

stdx::Result<RequestClaim> parse_claim(std::string_view authorization) {
  const auto dot = authorization.find('.');
  if (!authorization.starts_with(scheme) || dot == std::string_view::npos)
    return stdx::fail(Code::denied, "no proof of the join token");
  const auto nonce = stdx::hex_decode(authorization.substr(scheme.size(), dot - scheme.size()));
  const auto mac = stdx::hex_decode(authorization.substr(dot + 1));
  if (!nonce || nonce->empty() || !mac)
    return stdx::fail(Code::denied, "no proof of the join token");
  return RequestClaim{*nonce, *mac};
}

stdx::Status check_request(ports::ClusterKey& key, const RequestClaim& claim,
                           stdx::BytesView transcript, stdx::BytesView body) {
  return ports::check_mac(key, Purpose::registration, signed_request(transcript, body), claim.mac);
}

stdx::Result<std::string> prove_answer(ports::ClusterKey& key, const Answered& answered) {
  TRY_ASSIGN(const auto mac, key.mac(Purpose::registered, signed_answer(answered)));
  return stdx::hex_encode(mac);
}

stdx::Status check_answer(ports::ClusterKey& key, const Answered& answered, std::string_view said) {
  const auto mac = stdx::hex_decode(said);
  return ports::check_mac(key, Purpose::registered, signed_answer(answered),
                          mac ? stdx::BytesView(*mac) : stdx::BytesView());
}

}  // namespace rpc
