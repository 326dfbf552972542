// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::Certifier by OpenSSL: X.509 with P-256 keys (which browsers and every tool know), all of
// it PEM text. An authority signs identities directly: a chain has two certificates.

#include "ports/credentials.h"

namespace adapters::tls {

class Certifier final : public ports::Certifier {
 public:
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
};

}  // namespace adapters::tls
