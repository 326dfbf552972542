/* SPDX-License-Identifier: Apache-2.0 */
/* Sends 1, 2, … LAST; where it is, is in its data. */
#include "../../../once.h"

SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  for (;;) {
    uint32_t none;
    net_recv_next(&none, sizeof none, 0, 1); /* the turn before is committed here */
    uint32_t n = number_of("n", 1) + 1;
    if (n > LAST) {
      sys_sleep(1000);
      continue;
    }
    net_emit_to("up", 2, &n, sizeof n, -1);
    keep("n", 1, n);
  }
}
