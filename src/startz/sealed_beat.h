// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a beat is on the wire: its bytes and a MAC of them under a key of the cluster, so that only
// its zhosts can say that one lives or leaves. The MAC covers incarnation and counter, by which a
// copy of an older beat changes nothing (P9). Pure but for the key.

#include "ports/cluster_key.h"
#include "samoza/v1/cluster.pb.h"

namespace startz {

namespace v1 = samoza::v1;

// Fails while there is no key.
stdx::Result<stdx::Bytes> seal_beat(ports::ClusterKey& key, const stdx::Bytes& beat);

struct OpenedBeat {
  v1::Beat beat;
  stdx::Bytes bytes;  // of the beat alone
};
// Code::invalid: no sealed beat. Code::denied: not by one of the cluster.
stdx::Result<OpenedBeat> open_beat(ports::ClusterKey& key, const stdx::Bytes& datagram);

}  // namespace startz
