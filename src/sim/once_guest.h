// SPDX-License-Identifier: Apache-2.0
#pragma once

// The guest of a space with an end of a `once` path: a source makes the next number, any other
// takes one; each writes it into its data and sends it on, all in one turn. It may trap anywhere.
// What it finds and takes it tells to the OnceChecker.

#include <string>

#include "sim/guests.h"

namespace sim {

class OnceGuest final : public simkit::StubGuest {
 public:
  OnceGuest(Stage& stage, const zrun::Space& space, Instance instance);
  std::optional<simkit::GuestCall> next(std::int32_t result) override;

 private:
  enum class Step { begin, got, slept, found, put, sent };
  std::optional<simkit::GuestCall> begin_turn();
  bool traps();

  Stage& stage_;
  Instance instance_;
  Placement self_;
  std::string out_;  // the path it sends on; empty: none
  bool takes_ = false, loops_ = false, dispatched_ = false, flagged_ = false;
  Step step_ = Step::begin;
  std::uint64_t number_ = 0;
};

}  // namespace sim
