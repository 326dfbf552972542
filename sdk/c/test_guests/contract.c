/* SPDX-License-Identifier: Apache-2.0 */
/* Does what its host says, step by step: see src/simkit/engine_contract.h. */
#include "samoza.h"

SAMOZA_IMPORT("test", "next") int32_t test_next(int32_t last);
SAMOZA_IMPORT("test", "wait") int32_t test_wait(int32_t argument);

static volatile uint32_t sink;
static int32_t calls;

SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  int32_t last = ++calls;
  for (;;) switch (test_next(last)) {
      case 'n': break;
      case 'w': last = test_wait(last); break;
      case 't': __builtin_trap();
      case 'c':
        for (;;) sink++;
      case 'g': last = __builtin_wasm_memory_grow(0, 1) == (unsigned long)-1 ? -1 : 0; break;
      default: return last;
    }
}
