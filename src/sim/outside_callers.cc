// SPDX-License-Identifier: Apache-2.0
#include "sim/outside_callers.h"

#include "sim/outside_checker.h"
#include "stdx/text.h"

namespace sim {

using simkit::GuestCall;

namespace {

constexpr const char* spaces[] = {"desk", "till"};
constexpr std::size_t ids_kept = 6, answer_at = 2048;
const GuestCall trap{"guest.trap", {}};

}  // namespace

samoza::v1::TopologySpec door_topology(const std::string& name) {
  auto spec = call_topology(name, {spaces[0], spaces[1]}, "door");
  spec.clear_paths();
  for (auto& space : *spec.mutable_spaces()) space.set_ingress(true);
  return spec;
}

// --- the guest ---

std::optional<GuestCall> DoorGuest::next(std::int32_t result) {
  if (!dispatched_) {
    dispatched_ = true;
    stage_.checker.dispatches(instance_);
  }
  switch (step_) {
    case Step::begin:
      step_ = Step::got;
      return receive();
    case Step::got: {
      const auto message = received(result);
      id_ = message.text;
      stage_.outside_checker.took(self_, id_, message.redelivered);
      if (traps()) return trap;
      step_ = Step::worked;
      return sleep(static_cast<std::uint32_t>(stage_.prng.between(1, 400)));
    }
    case Step::worked:
      if (traps()) return trap;
      return answer();
    case Step::answered:
      if (traps()) return trap;  // its caller has the answer, and the message comes again
      step_ = Step::begin;
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<GuestCall> DoorGuest::answer() {
  step_ = Step::answered;
  const auto text = stdx::format("answer {} to {}", ++stage_.answers, id_);
  stage_.outside_checker.answers(self_, id_, text);
  memory.replace(answer_at, text.size(), text);
  return GuestCall{"net.reply", {answer_at, text.size()}};
}

// --- the callers ---

void OutsideCallers::start(stdx::Instant until) {
  cluster_.world.schedule(std::chrono::milliseconds(prng_.between(50, 700)), "outside caller",
                          [this, until] {
                            if (cluster_.world.now() >= until) return;
                            ask();
                            start(until);
                          });
}

void OutsideCallers::ask() {
  const auto space = prng_.below(2);
  auto& recent = recent_[space];
  const bool again = !recent.empty() && prng_.chance(1, 2);
  const auto id =
      again ? recent[prng_.below(recent.size())] : stdx::format("{}-{}", spaces[space], next_++);
  if (!again) recent.push_back(id);
  if (recent.size() > ids_kept) recent.pop_front();
  cluster_.ask_outside(prng_.below(cluster_.size()), "doors", spaces[space], id,
                       [this, id](ports::HttpResponse response) {
                         if (response.status == 200) cluster_.outside.heard(id, response.body);
                       });
}

}  // namespace sim
