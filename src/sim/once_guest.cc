// SPDX-License-Identifier: Apache-2.0
#include "sim/once_guest.h"

#include "sim/once_checker.h"
#include "stdx/assert.h"
#include "stdx/text.h"
#include "zrun/space.h"

namespace sim {

using simkit::GuestCall;

namespace {
constexpr std::size_t key_at = 2048, value_at = 2112, read_at = 2176;
const GuestCall trap{"guest.trap", {}};  // not linked: ends the instance
}  // namespace

OnceGuest::OnceGuest(Stage& stage, const zrun::Space& space, Instance instance)
    : stage_(stage),
      instance_(std::move(instance)),
      self_{instance_.topology, instance_.space, instance_.epoch, instance_.run},
      loops_(stage.prng.chance(1, 2)) {
  for (const auto& path : space.text().paths) {
    if (path.removed) continue;
    takes_ |= path.to == self_.space;
    if (path.from == self_.space) out_ = path.name;
  }
}

bool OnceGuest::traps() {
  return stage_.misbehave && stage_.prng.chance(1, 60);
}

std::optional<GuestCall> OnceGuest::begin_turn() {
  step_ = takes_ ? Step::got : Step::slept;
  if (takes_) return receive();
  return sleep(static_cast<std::uint32_t>(stage_.prng.between(50, 400)));
}

std::optional<GuestCall> OnceGuest::next(std::int32_t result) {
  if (!dispatched_) {
    dispatched_ = true;
    stage_.checker.dispatches(instance_);
    if (traps()) return trap;
  }
  switch (step_) {
    case Step::begin:
      return begin_turn();
    case Step::got: {
      const auto message = received(result);
      number_ = stdx::parse_u64(message.text).value_or(0);
      flagged_ = message.redelivered;
      [[fallthrough]];
    }
    case Step::slept:
      step_ = Step::found;
      memory.replace(key_at, 4, "last");
      return GuestCall{"data.get", {key_at, 4, read_at, 32}};
    case Step::found: {
      if (result < 0 && result != guest_abi::e_not_found) {  // its disk answers nothing now
        step_ = Step::slept;
        return sleep(200);
      }
      const auto length = result > 0 ? static_cast<std::size_t>(result) : 0;
      const auto stored = stdx::parse_u64(memory.substr(read_at, length)).value_or(0);
      stage_.once.found(self_, stored);
      if (takes_)
        stage_.once.took(self_, number_, stored, flagged_);
      else
        number_ = stored + 1;
      stage_.trace(stdx::format("{} {}/{} has {} in hand, {} done", self_.space, self_.epoch,
                                self_.run, number_, stored));
      if (traps()) return trap;
      const auto value = std::to_string(number_);
      memory.replace(key_at, 4, "last");
      memory.replace(value_at, value.size(), value);
      step_ = Step::put;
      return GuestCall{"data.put", {key_at, 4, value_at, value.size()}};
    }
    case Step::put:
      if (traps()) return trap;
      step_ = Step::sent;
      if (!out_.empty()) return emit(out_, std::to_string(number_));
      [[fallthrough]];
    case Step::sent:
      if (traps()) return trap;
      step_ = Step::begin;
      // A source never asks for a message: only where it returns is its turn over.
      if (takes_ && loops_) return begin_turn();
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace sim
