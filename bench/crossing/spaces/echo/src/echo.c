/* SPDX-License-Identifier: Apache-2.0 */
/* The far end: sends a TRIP back at once, counts ONE_WAY, and answers LAST with the count. */
#include "../../../message.h"

static struct message m;
static uint32_t count;

SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  for (;;) {
    struct samoza_message info;
    if (net_recv_next(&m, sizeof m, &info, -1) != sizeof m) continue;
    if (m.kind == ONE_WAY) {
      count++;
      continue;
    }
    if (m.kind == LAST) m.number = count;
    net_emit_to("back", 4, &m, sizeof m, -1);
  }
}
