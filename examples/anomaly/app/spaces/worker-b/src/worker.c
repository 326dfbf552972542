/* SPDX-License-Identifier: Apache-2.0 */
#define WORKER_RESULTS "results-b"
#define WORKER_REQUESTS "requests-b"
#include "../../../../common/worker.h"
