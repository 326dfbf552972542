/* SPDX-License-Identifier: Apache-2.0 */
/* Sends 1, 2, … LAST; where it is, is in its data. Never returns until the space is stopped. */
#include "../../../once.h"

SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  for (;;) {
    uint32_t none;
    /* The turn before is committed here. */
    if (net_recv_next(&none, sizeof none, 0, 1) == SAMOZA_E_CLOSED) return 0;
    uint32_t n = number_of("n", 1) + 1;
    if (n > LAST) {
      if (sys_sleep(60000) == SAMOZA_E_CLOSED) return 0;
      continue;
    }
    net_emit_to("up", 2, &n, sizeof n, -1);
    keep("n", 1, n);
  }
}

SAMOZA_EXPORT("on_close") int32_t on_close(void) {
  keep("closed", 6, number_of("n", 1));
  return 0;
}
