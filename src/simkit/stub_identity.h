// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a simulated process shows and trusts. The network lets two processes link or ask each other
// over HTTP when each accepts what the other shows, as TLS does.

#include <optional>

#include "ports/clock.h"
#include "ports/credentials.h"

namespace simkit {

class StubIdentity final : public ports::LinkIdentity {
 public:
  StubIdentity(const ports::Certifier& certifier, const ports::Clock& clock)
      : certifier_(certifier), clock_(clock) {}

  stdx::Status use(const ports::KeyAndCertificate& own, const ports::Trust& trust) override;

  // Whom this side takes `other` for. Code::denied, with the reason: for nobody.
  struct Wanted {
    std::vector<ports::CertificateRole> roles;
    bool certificate_needed = true;
  };
  stdx::Result<ports::Identity> accept(const StubIdentity& other, const Wanted& wanted) const;

 private:
  const ports::Certifier& certifier_;
  const ports::Clock& clock_;
  ports::KeyAndCertificate own_;
  std::optional<ports::Trust> trust_;
};

}  // namespace simkit
