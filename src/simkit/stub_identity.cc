// SPDX-License-Identifier: Apache-2.0
#include "simkit/stub_identity.h"

namespace simkit {

using stdx::Code;

stdx::Status StubIdentity::use(const ports::KeyAndCertificate& own, const ports::Trust& trust) {
  if (!own.certificate.empty()) {
    TRY_ASSIGN(const auto certificate, certifier_.read(own.certificate));
    TRY_ASSIGN(const auto hash, certifier_.key_hash(own.key));
    if (certificate.key_hash != hash)
      return stdx::fail(Code::invalid, "the certificate is not of this key");
  }
  own_ = own;
  trust_ = trust;
  return {};
}

stdx::Result<ports::Identity> StubIdentity::accept(const StubIdentity& other,
                                                   const Wanted& wanted) const {
  if (!trust_) return stdx::fail(Code::unavailable, "this zhost has no certificate yet");
  if (other.own_.certificate.empty()) {
    if (!wanted.certificate_needed) return ports::Identity{};
    return stdx::fail(Code::denied, "it shows no certificate");
  }
  const auto& shown = other.trust_ ? other.trust_->authorities : std::vector<stdx::Bytes>();
  TRY_ASSIGN(const auto certificate,
             certifier_.verify(other.own_.certificate, shown, *trust_, clock_.wall()));
  TRY(ports::check_role(certificate.identity, wanted.roles));
  return certificate.identity;
}

}  // namespace simkit
