/* SPDX-License-Identifier: Apache-2.0 */
/* Calls what a message names, with its arguments: [u8 call][5 x i32], and emits the result along
   "out". So a test can make any ABI call with any pointers. */
#include "samoza.h"

static char buffer[64];
static int32_t args[6];

static int32_t call(int which, const int32_t *a) {
  switch (which) {
    case 0: return sys_log(a[0], (const void *)a[1], a[2]);
    case 1: return sys_self_emit((const void *)a[0], a[1], a[2]);
    case 2: return net_emit_to((const char *)a[0], a[1], (const void *)a[2], a[3], a[4]);
    case 3: return net_recv_next((void *)a[0], a[1], (struct samoza_message *)a[2], a[3]);
    case 4: return sys_sleep(a[0]);
    case 5: return sys_yield();
    default: return -100;
  }
}

SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  int32_t n = net_recv_next(buffer, sizeof buffer, 0, 0);
  if (n < 21) return 0;
  for (int i = 0; i < 5; i++) {
    const unsigned char *b = (const unsigned char *)buffer + 1 + 4 * i;
    args[i] = (int32_t)(b[0] | b[1] << 8 | b[2] << 16 | (uint32_t)b[3] << 24);
  }
  int32_t result = call(buffer[0], args);
  net_emit_to("out", 3, &result, sizeof result, 0);
  return 0;
}
