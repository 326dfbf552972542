// SPDX-License-Identifier: Apache-2.0
#define LANE 1
#define TO_SOURCE "b-source"
#define TO_STORE "b-store"
#include "../../../guest/worker.h"
