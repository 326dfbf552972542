// SPDX-License-Identifier: Apache-2.0
#define LANE 0
#define TO_SOURCE "a-source"
#define TO_STORE "a-store"
#include "../../../guest/worker.h"
