// SPDX-License-Identifier: Apache-2.0
#pragma once

// Brings a copy of the records from a zhost that keeps it, part by part, to put it back.

#include <functional>
#include <string>

#include "ports/store.h"
#include "rpc/rpc_endpoint.h"
#include "samoza/v1/copies.pb.h"

namespace controlplane {

namespace v1 = samoza::v1;

struct FetchedCopy {
  v1::CopyInfo info;
  ports::Store::Copy copy;
};
using FetchDone = std::function<void(stdx::Result<FetchedCopy>)>;

// `which`: the beginning of its SHA-256; empty: the newest one that is not damaged. The hash is
// checked by who puts it back. `endpoint` outlives the fetch.
void fetch_copy(rpc::RpcEndpoint& endpoint, const std::string& zhost, const std::string& which,
                FetchDone done);

}  // namespace controlplane
