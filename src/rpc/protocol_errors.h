// SPDX-License-Identifier: Apache-2.0
#pragma once

// Links that ended because the other side broke a rule of the protocol (a frame past its bound,
// bytes that are no message): counted, and logged with the peer at the rate of LogRateLimiter. A
// link that ended for another reason is neither.

#include "ports/runtime.h"
#include "rpc/log_rate_limiter.h"
#include "stdx/result.h"
#include "stdx/text.h"

namespace rpc {

class ProtocolErrors {
 public:
  explicit ProtocolErrors(ports::Runtime& runtime)
      : runtime_(runtime),
        count_(runtime.metrics.counter("samoza_links_refused_total",
                                       "Links ended because the other side broke a rule")) {}

  // `why` names the peer, as ports::Link gives it.
  void link_ended(const stdx::Error& why) {
    if (why.code != stdx::Code::invalid) return;
    count_.add();
    if (const auto held_back = limiter_.pass(runtime_.clock.now()))
      runtime_.log.warn("link_refused", {{"count", count_.value()},
                                         {"why", stdx::printable(why.message, 300)},
                                         {"not_logged", *held_back}});
  }

 private:
  ports::Runtime& runtime_;
  ports::Counter& count_;
  LogRateLimiter limiter_;
};

}  // namespace rpc
