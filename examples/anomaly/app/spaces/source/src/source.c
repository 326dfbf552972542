/* SPDX-License-Identifier: Apache-2.0 */
/* Replays the recording (or, with LIVE=1, reads the machine) as numbered readings, one message each:
   even numbers to worker-a, odd ones to worker-b. Reading k is due at k / RATE seconds; its value is
   that of line k modulo the recording's length. A worker says from which number on it wants to be
   served, and gets what is due from there as fast as its queue takes it. Nothing here must survive a
   restart: a new source says hello and waits to be asked. */
#include "../../../../common/guest.h"
#include "../../../../common/series.h"

static const char recording[] = {
#embed "recording.txt"
    , 0};

enum { VALUES_MAX = 8192, LIVE_KEPT = 8192 };
static int32_t values[VALUES_MAX];
static uint32_t values_count;
static uint32_t rate, count;
static int live, sensor;
static struct cpu_series live_series;
static int32_t live_values[LIVE_KEPT];
static uint32_t live_count; /* readings numbered so far */

static uint32_t next[2];  /* number to send to each worker */
static int asked[2];
static uint32_t base;     /* the number that was due at base_ns */
static uint64_t base_ns;
static char buffer[4096];

SAMOZA_EXPORT("on_init") int32_t on_init(void) {
  values_count = series_parse(recording, values, VALUES_MAX);
  rate = number_of(setting("RATE", "1000"));
  count = number_of(setting("COUNT", "0"));
  live = same(setting("LIVE", "0"), "1");
  if (rate == 0 || rate > 100000 || values_count == 0) {
    say("RATE must be 1 to 100000 and the recording must have lines");
    return 1;
  }
  if (live && (sensor = sensors_subscribe("machine", 7)) < 0) {
    say("LIVE=1, but this zhost has no sensor 'machine'");
    return 2;
  }
  const struct from hello = {HELLO, 0};
  net_emit_to("readings-a", 10, &hello, sizeof hello, 0);
  net_emit_to("readings-b", 10, &hello, sizeof hello, 0);
  return 0;
}

/* A worker asks to be served from a number on. */
static void take_request(int parity, uint32_t number) {
  next[parity] = number;
  asked[parity] = 1;
  if (number > base || base_ns == 0) {
    base = number;
    base_ns = now_ns();
  }
  if (live && live_count < number) live_count = number;
}

static void take_live(void) {
  int32_t n;
  while ((n = sensors_read(sensor, buffer, sizeof buffer - 1, 0)) > 0) {
    buffer[n] = 0;
    const char *at = buffer;
    const uint64_t busy = next_number(&at), total = next_number(&at);
    live_values[live_count++ % LIVE_KEPT] = series_next(&live_series, busy, total);
  }
}

/* The first number that is not due yet. */
static uint32_t due(void) {
  if (live) return live_count;
  if (base_ns == 0) return 0;
  uint64_t end = base + (now_ns() - base_ns) * rate / 1000000000u + 1;
  if (count != 0 && end > count) end = count;
  return (uint32_t)end;
}

static int32_t value_of(uint32_t number) {
  if (!live) return values[number % values_count];
  /* What is older than is kept cannot be read again. */
  return live_count - number <= LIVE_KEPT ? live_values[number % LIVE_KEPT] : 0;
}

static void serve(int parity, const char *path, uint32_t end) {
  while (asked[parity] && next[parity] < end) {
    const struct reading r = {READING, next[parity], value_of(next[parity])};
    if (net_emit_to(path, 10, &r, sizeof r, 0) != 0) return; /* full: again in a moment */
    next[parity] += 2;
  }
}

/* How long to wait for a request: for ever when nothing is asked for, or all that was is sent. */
static int32_t patience_ms(void) {
  if (live) return 50;
  for (int parity = 0; parity < 2; ++parity)
    if (asked[parity] && (count == 0 || next[parity] < count)) return 2;
  return -1;
}

SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  for (;;) {
    struct samoza_message info;
    const int32_t n = net_recv_next(buffer, sizeof buffer, &info, patience_ms());
    if (n == sizeof(struct from)) {
      const struct from *f = (const struct from *)buffer;
      if (f->kind == FROM) take_request(same(info.path, "requests-b"), f->number);
    }
    if (live) take_live();
    const uint32_t end = due();
    serve(0, "readings-a", end);
    serve(1, "readings-b", end);
  }
}
