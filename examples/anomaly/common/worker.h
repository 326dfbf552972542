/* SPDX-License-Identifier: Apache-2.0 */
/* A worker: scores every second reading of the series. It keeps nothing that must survive: at its start,
   and whenever the store or the source started anew, it asks the store where to go on (the first number
   missing, and the window before it), and the source to send from there. */
#ifndef ANOMALY_WORKER_H
#define ANOMALY_WORKER_H

#include "guest.h"
#include "zscore.h"

static struct zscore score;
static uint32_t parity, next_number_wanted;
static int known; /* the store said where to go on */
static char buffer[1024];

static void ask_store(void) {
  const struct where w = {WHERE, parity};
  net_emit_to(WORKER_RESULTS, 9, &w, sizeof w, -1);
}

static void ask_source(void) {
  const struct from f = {FROM, next_number_wanted};
  net_emit_to(WORKER_REQUESTS, 10, &f, sizeof f, -1);
}

static void take_resume(const struct resume *r) {
  if (known && r->next == next_number_wanted) return;
  score.count = 0;
  for (uint32_t i = 0; i < r->count; i++) zscore_next(&score, r->window[i]);
  next_number_wanted = r->next;
  known = 1;
  ask_source();
}

static void take_reading(const struct reading *r) {
  if (!known || r->number < next_number_wanted) return; /* done before, or will be sent again */
  if (r->number > next_number_wanted) return ask_source();
  const int32_t z = zscore_next(&score, r->value);
  const struct result out = {RESULT, r->number, r->value, z, (uint32_t)zscore_is_anomaly(z)};
  next_number_wanted += 2;
  net_emit_to(WORKER_RESULTS, 9, &out, sizeof out, -1);
}

SAMOZA_EXPORT("on_init") int32_t on_init(void) {
  parity = number_of(setting("PARITY", "0")) & 1;
  ask_store();
  return 0;
}

SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  for (;;) {
    const int32_t n = net_recv_next(buffer, sizeof buffer, 0, 1000);
    if (n == SAMOZA_E_TIMEOUT) {
      /* Nothing for a second: a question may have been lost with somebody's memory. */
      ask_store();
      if (known) ask_source();
      continue;
    }
    if (n < 8) continue;
    switch (*(const uint32_t *)buffer) {
      case READING: take_reading((const struct reading *)buffer); break;
      case RESUME: take_resume((const struct resume *)buffer); break;
      case HELLO:
        if (known) ask_source();
        break;
    }
  }
}

#endif
