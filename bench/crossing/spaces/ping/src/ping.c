/* SPDX-License-Identifier: Apache-2.0 */
/* Round trips one at a time, then messages one way as fast as the path takes them. Logs two lines:
   "trip p50_ns=… p99_ns=… n=…" and "one_way per_second=… n=… arrived=…". */
#include "../../../message.h"

enum { WARM = 2000, TRIPS = 20000, ONE_WAYS = 400000, BUCKET_NS = 100, BUCKETS = 100000 };
static struct message m;
static uint16_t histogram[BUCKETS]; /* of 100 ns each; the last one takes what is longer */
static char line[160];
static int used;

static uint64_t now_ns(void) {
  uint64_t ns = 0;
  samoza_clock_time_get(1, 1, &ns);
  return ns;
}

static void text(const char *s) {
  while (*s) line[used++] = *s++;
}

static void number(uint64_t n) {
  char digits[20];
  int count = 0;
  do digits[count++] = (char)('0' + n % 10); while (n /= 10);
  while (count) line[used++] = digits[--count];
}

static void say(void) {
  sys_log(1, line, used);
  used = 0;
}

static uint64_t percentile(uint32_t per_mille) {
  uint32_t seen = 0;
  for (uint32_t i = 0; i < BUCKETS; i++)
    if ((seen += histogram[i]) * 1000ull >= (uint64_t)TRIPS * per_mille) return (uint64_t)i * BUCKET_NS;
  return (uint64_t)BUCKETS * BUCKET_NS;
}

static int take(void) {
  struct samoza_message info;
  return net_recv_next(&m, sizeof m, &info, -1) == sizeof m;
}

static void trips(void) {
  for (uint32_t i = 0; i < WARM + TRIPS; i++) {
    m.kind = TRIP;
    m.number = i;
    const uint64_t from = now_ns();
    net_emit_to("there", 5, &m, sizeof m, -1);
    do take(); while (m.kind != TRIP || m.number != i);
    const uint64_t bucket = (now_ns() - from) / BUCKET_NS;
    if (i >= WARM) histogram[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
  }
  text("trip p50_ns=");
  number(percentile(500));
  text(" p99_ns=");
  number(percentile(990));
  text(" n=");
  number(TRIPS);
  say();
}

static void one_way(void) {
  const uint64_t from = now_ns();
  for (uint32_t i = 0; i <= ONE_WAYS; i++) {
    m.kind = i < ONE_WAYS ? ONE_WAY : LAST;
    m.number = i;
    net_emit_to("there", 5, &m, sizeof m, -1);
  }
  do take(); while (m.kind != LAST);
  const uint64_t took = now_ns() - from;
  text("one_way per_second=");
  number(ONE_WAYS * 1000000000ull / took);
  text(" n=");
  number(ONE_WAYS);
  text(" arrived=");
  number(m.number);
  say();
}

SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  trips();
  one_way();
  for (;;) take();
}
