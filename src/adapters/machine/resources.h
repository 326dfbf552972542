// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "adapters/posix/worker.h"
#include "ports/clock.h"
#include "ports/resources.h"

namespace adapters::machine {

// From /proc/stat, /proc/meminfo and the file system of `folder`. These are read on a thread of its
// own (a file system may hang): `sample` gives the newest figures, and has new ones taken for the
// next call. The first ones are taken at construction.
class ProcResources final : public ports::Resources {
 public:
  ProcResources(const ports::Clock& clock, std::string folder);
  ports::ResourceSample sample() override;
  // Waits until what `sample` asked for is there.
  void wait();

 private:
  struct State;
  std::shared_ptr<State> state_;
  posix::Worker worker_;
};

}  // namespace adapters::machine
