// SPDX-License-Identifier: Apache-2.0
#pragma once

// POST /v1/register travels beside the WebSocket whose sides proved the join token to each other
// (rpc/handshake.h). These bind it to that link: the request names the link by the nonce of who
// accepted it and carries a MAC of both hellos and the body, the answer one of all that and itself.
// So neither can be made, changed or taken from another link by who does not know the token. Pure.

#include <string>

#include "ports/cluster_key.h"

namespace rpc {

inline constexpr const char* answer_proof_header = "samoza-proof";

// The value of `authorization`.
stdx::Result<std::string> prove_request(ports::ClusterKey& key, stdx::BytesView nonce,
                                        stdx::BytesView transcript, stdx::BytesView body);
struct RequestClaim {
  stdx::Bytes nonce, mac;
};
// Code::denied where the value is not of that form.
stdx::Result<RequestClaim> parse_claim(std::string_view authorization);
stdx::Status check_request(ports::ClusterKey& key, const RequestClaim& claim,
                           stdx::BytesView transcript, stdx::BytesView body);

struct Answered {
  stdx::BytesView transcript, request_body;
  int status = 0;
  stdx::BytesView body;
};
// The value of answer_proof_header.
stdx::Result<std::string> prove_answer(ports::ClusterKey& key, const Answered& answered);
stdx::Status check_answer(ports::ClusterKey& key, const Answered& answered, std::string_view said);

}  // namespace rpc
