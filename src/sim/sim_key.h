// SPDX-License-Identifier: Apache-2.0
#pragma once

// The keys of a simulated zhost: those that its zmesh keeps on disk, by the clock of its machine.

#include "ports/clock.h"
#include "simkit/stub_key.h"
#include "wire/key_ring.h"

namespace sim {

class SimKey final : public ports::ClusterKey {
 public:
  // Both outlive it.
  SimKey(const samoza::v1::KeyRing& disk, const ports::Clock& clock) : disk_(disk), clock_(clock) {}

  stdx::Result<stdx::Bytes> mac(Purpose purpose, stdx::BytesView message) override {
    const auto* key = wire::key_in_use(disk_, purpose, clock_.wall());
    if (key == nullptr)
      return stdx::fail(stdx::Code::unavailable, "this zhost has no keys of the cluster yet");
    return simkit::StubKey(key->secret()).mac(purpose, message);
  }
  stdx::Status check(Purpose purpose, stdx::BytesView message, stdx::BytesView said) override {
    if (disk_.beat().empty())
      return stdx::fail(stdx::Code::unavailable, "this zhost has no keys of the cluster yet");
    for (const auto* key : wire::good_keys(disk_, purpose, clock_.wall()))
      if (simkit::StubKey(key->secret()).check(purpose, message, said)) return {};
    return ports::no_such_mac(said);
  }

 private:
  const samoza::v1::KeyRing& disk_;
  const ports::Clock& clock_;
};

}  // namespace sim
