// SPDX-License-Identifier: Apache-2.0
#pragma once

// Messages from outside (zrun.ask, zrun.emit): into the mailbox of a space here that says it takes
// them, and what came of them back to those that wait (zrun/outside_calls.h).
//
// Not thread-safe: it belongs to the loop of its zrun.

#include <functional>
#include <string>

#include "ports/runtime.h"
#include "samoza/v1/api.pb.h"
#include "zrun/local_spaces.h"
#include "zrun/message.h"
#include "zrun/outside_calls.h"
#include "zrun/tracer.h"

namespace zrun {

class OutsideRequests {
 public:
  struct Parts {
    ports::Runtime& runtime;
    LocalSpaces& spaces;
    MessagePool& pool;
    OutsideCalls& calls;
    Tracer* tracer = nullptr;  // null: nothing is traced here
    std::string zhost;
  };
  // All outlive it.
  explicit OutsideRequests(Parts parts)
      : parts_(std::move(parts)), timer_(parts_.runtime.executor) {}

  // Answers when it is in the mailbox or, with `wait`, when the space has answered or handled it
  // (docs/delivery.md).
  void ask(const v1::SendRequest& request, std::function<void(stdx::Result<v1::SendReply>)> done);
  // A message along a declared path, in the name of its sender, which runs here (zrun.emit).
  // Answers when it is in the stream, of a transactional space on disk.
  void send_along_path(const v1::SendRequest& request, std::function<void(stdx::Status)> done);
  // Those that wait for that space. `forget`: its ids too, because it leaves.
  void fail(const LocalSpaces::Key& key, const stdx::Error& why, bool forget);
  // Nothing is taken any more: zrun is stopping.
  void close() { closing_ = true; }

  static bool are_taken_by(const model::Space& space, bool http);

 private:
  stdx::Result<PlacedSpace*> asked_space(const v1::SendRequest& request);
  void expire();

  Parts parts_;
  ports::Timer timer_;
  bool closing_ = false;
};

}  // namespace zrun
