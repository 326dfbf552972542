// SPDX-License-Identifier: Apache-2.0
#pragma once

// Messages from outside (zrun.ask, zrun.emit): into the mailbox of a space here that says it takes
// them, and what came of them back to those that wait (zrun/outside_calls.h).
//
// Not thread-safe: it belongs to the loop of its zrun.

#include <functional>
#include <string>

#include "samoza/v1/api.pb.h"
#include "zrun/local_parts.h"

namespace zrun {

class OutsideRequests {
 public:
  explicit OutsideRequests(LocalParts parts)
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

  LocalParts parts_;
  ports::Timer timer_;
  bool closing_ = false;
};

}  // namespace zrun
