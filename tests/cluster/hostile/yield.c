/* SPDX-License-Identifier: Apache-2.0 */
/* Gives way in a loop, each way in turn, and does nothing else. */
#include "samoza.h"

SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  char message[16];
  for (;;) {
    if (sys_yield() == SAMOZA_E_CLOSED || sys_sleep(0) == SAMOZA_E_CLOSED ||
        net_recv_next(message, sizeof message, 0, 0) == SAMOZA_E_CLOSED)
      return 0;
  }
}
