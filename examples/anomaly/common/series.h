/* SPDX-License-Identifier: Apache-2.0 */
/* From the recording's counters to the series: CPU use between two readings, per mille. */
#ifndef ANOMALY_SERIES_H
#define ANOMALY_SERIES_H

#include <stdint.h>

struct cpu_series { uint64_t busy, total; };

static int32_t series_next(struct cpu_series *s, uint64_t busy, uint64_t total) {
  const uint64_t db = busy - s->busy, dt = total - s->total;
  const int first = s->total == 0;
  s->busy = busy;
  s->total = total;
  return first || dt == 0 ? 0 : (int32_t)(db * 1000 / dt);
}

/* The next whole number of a text, moving behind it; the text ends with 0. */
static uint64_t next_number(const char **at) {
  uint64_t n = 0;
  while (**at && (**at < '0' || **at > '9')) ++*at;
  while (**at >= '0' && **at <= '9') n = n * 10 + (uint64_t)(*(*at)++ - '0');
  return n;
}

/* Fills `values` from lines "t busy total mem psi psi psi"; gives how many. */
static uint32_t series_parse(const char *text, int32_t *values, uint32_t max) {
  struct cpu_series series = {0, 0};
  uint32_t n = 0;
  while (n < max) {
    while (*text == '\n' || *text == ' ') text++;
    if (!*text) break;
    next_number(&text);
    const uint64_t busy = next_number(&text), total = next_number(&text);
    for (int i = 0; i < 4; i++) next_number(&text);
    values[n++] = series_next(&series, busy, total);
  }
  return n;
}

#endif
