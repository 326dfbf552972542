// SPDX-License-Identifier: Apache-2.0
#pragma once

// Links that ended because the other side broke a rule (a frame past its bound, bytes that are no
// message): counted, and the 1st, 2nd, 4th, 8th… of them is one log line that names the other side,
// so that who connects again and again fills no log. Links that just ended are no complaint.

#include <bit>

#include "ports/runtime.h"
#include "stdx/result.h"
#include "stdx/text.h"

namespace rpc {

class LinkComplaints {
 public:
  explicit LinkComplaints(ports::Runtime& runtime)
      : runtime_(runtime),
        count_(runtime.metrics.counter("samoza_links_refused_total",
                                       "Links ended because the other side broke a rule")) {}

  // `why` names the peer, as ports::Link gives it.
  void ended(const stdx::Error& why) {
    if (why.code != stdx::Code::invalid) return;
    count_.add();
    if (std::has_single_bit(count_.value()))
      runtime_.log.warn("link_refused",
                        {{"count", count_.value()}, {"why", stdx::printable(why.message, 300)}});
  }

 private:
  ports::Runtime& runtime_;
  ports::Counter& count_;
};

}  // namespace rpc
