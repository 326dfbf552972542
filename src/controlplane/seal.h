// SPDX-License-Identifier: Apache-2.0
#pragma once

// A MAC by the key of the cluster's authority: what the control plane gives out and takes back from
// zhosts after its records were put back from an older copy, and that no zhost may make up.

#include <string_view>

#include "ports/credentials.h"
#include "stdx/text.h"

namespace controlplane {

class Seal {
 public:
  Seal(const ports::Certifier& certifier, stdx::Bytes authority_key)
      : certifier_(certifier), key_(std::move(authority_key)) {}

  // `purpose` keeps what is sealed for one thing from being taken for another.
  stdx::Bytes of(std::string_view purpose, std::string_view text) const {
    // As an HMAC: the inner hash is of no use to one who extends it.
    const auto inner = certifier_.sha256(stdx::format("samoza {} {} ", purpose, text) + key_);
    return certifier_.sha256(inner + key_);
  }
  bool holds(std::string_view purpose, std::string_view text, stdx::BytesView seal) const {
    return stdx::equal_in_constant_time(of(purpose, text), seal);
  }

 private:
  const ports::Certifier& certifier_;
  stdx::Bytes key_;
};

}  // namespace controlplane
