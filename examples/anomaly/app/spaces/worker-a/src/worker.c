/* SPDX-License-Identifier: Apache-2.0 */
#define WORKER_RESULTS "results-a"
#define WORKER_REQUESTS "requests-a"
#include "../../../../common/worker.h"
