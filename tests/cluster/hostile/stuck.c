/* SPDX-License-Identifier: Apache-2.0 */
/* Takes no message, so that paths to it are full. */
#include "samoza.h"

SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  while (sys_sleep(60000) != SAMOZA_E_CLOSED) {}
  return 0;
}
