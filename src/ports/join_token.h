// SPDX-License-Identifier: Apache-2.0
#pragma once

// The join token of a cluster: the secret that a process shows the control plane, and that zmeshes
// and zruns show each other, to be taken for one of the cluster (docs/wire.md, "Who may join"). It
// is read anew for each link, so that a zhost that started before the token was made goes on by
// itself. Never logged.

#include <functional>
#include <string>
#include <string_view>

#include "stdx/result.h"

namespace ports {

// Unset: the token is empty on all sides (the simulator, tests).
using JoinToken = std::function<stdx::Result<std::string>()>;

stdx::Result<std::string> read_join_token(const JoinToken& token);
// Code::denied where `said` is not the token, in a time that does not tell where they differ.
stdx::Status check_join_token(const JoinToken& token, std::string_view said);

}  // namespace ports
