// SPDX-License-Identifier: Apache-2.0
#pragma once

// The cluster's certificate authority and the join token of this machine, as files.

#include "config/zhost_config.h"
#include "controlplane/authority.h"

namespace controlplane_app {

// Reads both from where the configuration says; makes each where it is missing. Ends the process
// with one line where that cannot be done, where others may read them, or where they do not belong
// together.
controlplane::Authority::Options load_authority(const config::ZhostConfig& config);

}  // namespace controlplane_app
