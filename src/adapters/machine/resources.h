// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "ports/clock.h"
#include "ports/resources.h"

namespace adapters::machine {

// From /proc/stat, /proc/meminfo and the file system of `folder`.
class ProcResources final : public ports::Resources {
 public:
  ProcResources(const ports::Clock& clock, std::string folder)
      : clock_(clock), folder_(std::move(folder)) {}
  ports::ResourceSample sample() override;

 private:
  const ports::Clock& clock_;
  std::string folder_;
  double last_busy_seconds_ = -1;
  stdx::Instant last_at_{};
};

}  // namespace adapters::machine
