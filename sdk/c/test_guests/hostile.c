/* SPDX-License-Identifier: Apache-2.0 */
/* Does harm on command: the first byte of a message says which. Style A of the ABI. */
#include "samoza.h"

static char buffer[256];
static volatile uint32_t sink;

static int deep(int n) {
  volatile char frame[256];
  frame[0] = (char)n;
  return deep(n + 1) + frame[0];
}

SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  int32_t n = net_recv_next(buffer, sizeof buffer, 0, 0);
  if (n <= 0) return 0;
  switch (buffer[0]) {
    case 't': __builtin_trap();
    case 'l':
      for (;;) sink++;
    case 'g':
      while (__builtin_wasm_memory_grow(0, 16) != (unsigned long)-1) {}
      return 0;
    case 's': return deep(0);
    case 'e': return 7;
    case 'w': *(volatile char *)0x7fffffff = 1; return 0;
    default: return 0;
  }
}
