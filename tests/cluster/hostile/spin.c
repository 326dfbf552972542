/* SPDX-License-Identifier: Apache-2.0 */
/* Computes for ever. */
#include "samoza.h"

static volatile uint32_t sink;

SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  for (;;) sink++;
}
