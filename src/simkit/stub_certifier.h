// SPDX-License-Identifier: Apache-2.0
#pragma once

// A stand-in for X.509: certificates are text, a signature is a hash that anybody could make. As
// deterministic as the rest of the simulator, and no secret of anything; wrong clusters, keys,
// roles and times are refused as by the real one (simkit/testing/certifier_contract.h).

#include "ports/credentials.h"

namespace simkit {

class StubCertifier final : public ports::Certifier {
 public:
  // Keys of certifiers with different seeds differ.
  explicit StubCertifier(std::uint64_t seed = 1) : seed_(seed) {}

  stdx::Bytes sha256(stdx::BytesView bytes) const override;
  stdx::Bytes make_key() override;
  stdx::Result<stdx::Bytes> key_hash(stdx::BytesView key_or_certificate) const override;
  stdx::Result<stdx::Bytes> make_request(stdx::BytesView key) const override;
  stdx::Result<stdx::Bytes> check_request(stdx::BytesView request) const override;
  stdx::Result<stdx::Bytes> sign(stdx::BytesView key, stdx::BytesView message) const override;
  stdx::Status check_signature(stdx::BytesView request, stdx::BytesView message,
                               stdx::BytesView signature) const override;
  stdx::Result<stdx::Bytes> make_authority(stdx::BytesView key, const std::string& cluster,
                                           const ports::Validity& validity) override;
  stdx::Result<stdx::Bytes> issue(const ports::KeyAndCertificate& authority,
                                  stdx::BytesView request, const Issue& issue) override;
  stdx::Result<ports::Certificate> read(stdx::BytesView certificate) const override;
  stdx::Result<ports::Certificate> verify(stdx::BytesView certificate,
                                          const std::vector<stdx::Bytes>& shown,
                                          const ports::Trust& trust, stdx::WallTime now,
                                          bool at_any_time = false) const override;

 private:
  std::uint64_t seed_, made_ = 0;
};

}  // namespace simkit
