// SPDX-License-Identifier: Apache-2.0
#pragma once

// A submit on its way: its size is judged before it is sent anywhere, and at the leader it goes on
// in tasks of its own, because each step of 10,000 spaces takes milliseconds.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "samoza/v1/cluster.pb.h"
#include "stdx/result.h"
#include "zrms/topology_text.h"

namespace zrms {

namespace v1 = samoza::v1;

// Its record is one value of the store (ports/store.h), with what the leader notes beside it; and
// each batch of places carries it: room for model::spaces_max spaces with a path each.
inline constexpr std::size_t spec_bytes_max = 2816u << 10;

// Code::invalid above spec_bytes_max, with what takes most of it. A frame would not take it either,
// and say less.
stdx::Status check_size(const v1::TopologySpec& spec);

using Submitted = std::function<void(stdx::Result<v1::SubmitReply>)>;
// Zhosts that have the archives of a topology on disk.
using Replicas = std::vector<std::string>;

struct Submission {
  v1::SubmitRequest request;  // without its spec, which is `text`
  TextPtr text;
  Submitted done;
};
using SubmissionPtr = std::shared_ptr<const Submission>;

}  // namespace zrms
