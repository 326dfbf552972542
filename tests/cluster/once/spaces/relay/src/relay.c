/* SPDX-License-Identifier: Apache-2.0 */
/* Adds up what it takes and sends it on. */
#include "../../../once.h"

SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  uint32_t n;
  if (net_recv_next(&n, sizeof n, 0, -1) != sizeof n) return 0;
  keep("sum", 3, number_of("sum", 3) + n);
  net_emit_to("down", 4, &n, sizeof n, -1);
  return 0;
}
