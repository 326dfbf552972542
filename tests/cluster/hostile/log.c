/* SPDX-License-Identifier: Apache-2.0 */
/* Logs in a loop. */
#include "samoza.h"

SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  for (;;) sys_log(1, "the same line again and again", 29);
}
