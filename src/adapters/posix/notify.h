// SPDX-License-Identifier: Apache-2.0
#pragma once

// sd_notify(3): tells who started this process (systemd, Type=notify) that it is ready.

#include <string>

#include "stdx/result.h"

namespace adapters::posix {

// "READY=1". Nothing is done where nobody wants to hear it ($NOTIFY_SOCKET).
stdx::Status notify_service_manager(const std::string& state);

}  // namespace adapters::posix
