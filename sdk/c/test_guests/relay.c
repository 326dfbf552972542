/* SPDX-License-Identifier: Apache-2.0 */
/* Loops: passes each message on along the path "out". Style B of the ABI. */
#include "samoza.h"

static char buffer[4096];
static uint32_t seen;

SAMOZA_EXPORT("on_init") int32_t on_init(void) {
  seen = 0;
  return 0;
}

SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  for (;;) {
    int32_t n = net_recv_next(buffer, sizeof buffer, 0, -1);
    if (n < 0) return 1;
    seen++;
    net_emit_to("out", 3, buffer, n, -1);
  }
}
