/* SPDX-License-Identifier: Apache-2.0 */
/* Sends back what comes. */
#include "samoza.h"

SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  char message[16];
  for (;;) {
    int32_t n = net_recv_next(message, sizeof message, 0, -1);
    if (n < 0) return 0;
    net_emit_to(BACK, sizeof BACK - 1, message, n, -1);
  }
}
