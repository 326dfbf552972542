/* SPDX-License-Identifier: Apache-2.0 */
/* Emits into a full path without waiting for room. */
#include "samoza.h"

static char message[1024];

SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  while (net_emit_to(THERE, sizeof THERE - 1, message, sizeof message, 0) != SAMOZA_E_CLOSED) {}
  return 0;
}
