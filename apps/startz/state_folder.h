// SPDX-License-Identifier: Apache-2.0
// Notices that a zhost starts with another state_dir than last time: then its spaces' data, its
// records and its packages are elsewhere, and everything looks new.
#pragma once

#include "config/zhost_config.h"
#include "ports/log.h"

namespace startz_app {

// Warns with both folders where the former one still has state, in the log and on a terminal; then
// notes the folder for the next start. Where it cannot be noted nothing is said next time.
void note_state_folder(ports::Log& log, const config::ZhostConfig& config);

}  // namespace startz_app
