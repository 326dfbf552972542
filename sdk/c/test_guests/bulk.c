/* SPDX-License-Identifier: Apache-2.0 */
/* Fills and copies its memory as it is told: 'f' or 'c', and three numbers of 32 bits (where to, the
   byte or where from, how many). Begins with 320 MiB, where its limit allows that. */
#include "samoza.h"

struct command {
  uint32_t what, to, from, bytes;
};

SAMOZA_EXPORT("on_init") int32_t on_init(void) {
  return __builtin_wasm_memory_grow(0, 5120) == (unsigned long)-1 ? 1 : 0;
}

SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  for (;;) {
    struct command c;
    if (net_recv_next((char *)&c, sizeof c, 0, 0) != (int32_t)sizeof c) return 0;
    if (c.what == 'f')
      __builtin_memset((void *)c.to, (int)c.from, c.bytes);
    else
      __builtin_memmove((void *)c.to, (const void *)c.from, c.bytes);
  }
}
