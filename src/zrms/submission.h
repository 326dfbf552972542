// SPDX-License-Identifier: Apache-2.0
#pragma once

// One submit at the leader. It goes on in tasks of their own: of 10,000 spaces each step takes
// milliseconds.

#include "samoza/v1/cluster.pb.h"
#include "zrms/service.h"
#include "zrms/topology_text.h"

namespace zrms {

struct Service::Submission {
  v1::SubmitRequest request;  // without its spec, which is `text`
  TextPtr text;
  Submitted done;
};

}  // namespace zrms
