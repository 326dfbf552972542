/* SPDX-License-Identifier: Apache-2.0 */
/* The rolling z-score, in whole numbers, so that every machine finds the same anomalies. Used by the
   workers and by the reference program. */
#ifndef ANOMALY_ZSCORE_H
#define ANOMALY_ZSCORE_H

#include <stdint.h>

enum { ZSCORE_WINDOW = 64, ZSCORE_LIMIT_MILLI = 4000 };

struct zscore {
  int32_t values[ZSCORE_WINDOW];
  uint32_t count; /* values taken in so far; the newest is at (count - 1) % WINDOW */
};

static int64_t zscore_root(int64_t n) {
  int64_t low = 0, high = 3037000499;
  while (low < high) {
    const int64_t middle = (low + high + 1) / 2;
    if (middle <= n / middle) low = middle; else high = middle - 1;
  }
  return low;
}

/* Takes `value` in and gives its z-score against the WINDOW values before it, in thousandths; 0 while
   there are fewer, or while they do not differ. */
static int32_t zscore_next(struct zscore *s, int32_t value) {
  int32_t z = 0;
  if (s->count >= ZSCORE_WINDOW) {
    int64_t sum = 0, squares = 0;
    for (int i = 0; i < ZSCORE_WINDOW; i++) {
      sum += s->values[i];
      squares += (int64_t)s->values[i] * s->values[i];
    }
    const int64_t deviation = zscore_root(ZSCORE_WINDOW * squares - sum * sum);
    if (deviation > 0) {
      int64_t wide = ((int64_t)value * ZSCORE_WINDOW - sum) * 1000 / deviation;
      if (wide > 1000000) wide = 1000000;
      if (wide < -1000000) wide = -1000000;
      z = (int32_t)wide;
    }
  }
  s->values[s->count % ZSCORE_WINDOW] = value;
  s->count++;
  return z;
}

static int zscore_is_anomaly(int32_t z_milli) {
  return z_milli >= ZSCORE_LIMIT_MILLI || z_milli <= -ZSCORE_LIMIT_MILLI;
}

#endif
