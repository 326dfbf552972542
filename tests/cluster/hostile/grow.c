/* SPDX-License-Identifier: Apache-2.0 */
/* Grows to its limit, touches what it got, and tries to grow further. */
#include "samoza.h"

SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  for (;;) {
    unsigned long page = __builtin_wasm_memory_grow(0, 1);
    if (page != (unsigned long)-1)
      for (int i = 0; i < 65536; i += 64) ((volatile char *)(page << 16))[i] = 1;
  }
}
