/* SPDX-License-Identifier: Apache-2.0 */
/* Writes down what came, in order: key "#" and the place as four bytes, big-endian. */
#include "../../../once.h"

SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  uint32_t n;
  struct samoza_message info;
  if (net_recv_next(&n, sizeof n, &info, -1) != sizeof n) return 0;
  uint32_t count = number_of("count", 5) + 1;
  keep("count", 5, count);
  char key[5] = {'#', (char)(count >> 24), (char)(count >> 16), (char)(count >> 8), (char)count};
  keep(key, sizeof key, n);
  if (info.flags & SAMOZA_REDELIVERED) keep("marked", 6, n);
  return 0;
}
