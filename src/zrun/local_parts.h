// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the classes of a zrun share that make messages for its spaces. All of it outlives them.

#include <functional>
#include <string>

#include "ports/runtime.h"
#include "zrun/local_spaces.h"
#include "zrun/message.h"
#include "zrun/outside_calls.h"
#include "zrun/tracer.h"

namespace zrun {

struct LocalParts {
  ports::Runtime& runtime;
  LocalSpaces& spaces;
  MessagePool& pool;
  OutsideCalls& calls;
  Tracer* tracer = nullptr;  // null: nothing is traced here
  std::string zhost;
  // Whether the link to the zrun of a zhost was lost, so that it may have ended.
  std::function<bool(const std::string& zhost)> link_lost;
};

}  // namespace zrun
