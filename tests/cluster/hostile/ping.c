/* SPDX-License-Identifier: Apache-2.0 */
/* A message there and back each 10 ms. After each ROUND of them logs "rate=… p99_us=… max_us=… total=…". */
#include "samoza.h"

enum { ROUND = 100 };
static uint32_t trips_us[ROUND];
static char line[160];
static int used;
static uint32_t total;

static uint64_t now_us(void) {
  uint64_t ns = 0;
  samoza_clock_time_get(1, 1, &ns);
  return ns / 1000;
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

static void say(uint64_t took_us) {
  for (int i = 1; i < ROUND; i++) /* sorts them */
    for (int j = i; j > 0 && trips_us[j] < trips_us[j - 1]; j--) {
      uint32_t swap = trips_us[j];
      trips_us[j] = trips_us[j - 1];
      trips_us[j - 1] = swap;
    }
  used = 0;
  text("rate=");
  number(ROUND * 1000000ull / took_us);
  text(" p99_us=");
  number(trips_us[ROUND * 99 / 100 - 1]);
  text(" max_us=");
  number(trips_us[ROUND - 1]);
  text(" total=");
  number(total);
  sys_log(1, line, used);
}

SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  char reply[16];
  uint64_t round_began = now_us();
  for (int i = 0;;) {
    if (sys_sleep(10) == SAMOZA_E_CLOSED) return 0;
    uint64_t began = now_us();
    if (net_emit_to(THERE, sizeof THERE - 1, "ping", 4, -1) != 0) return 0;
    if (net_recv_next(reply, sizeof reply, 0, -1) != 4) return 0;
    trips_us[i++] = (uint32_t)(now_us() - began);
    total++;
    if (i < ROUND) continue;
    say(now_us() - round_began);
    round_began = now_us();
    i = 0;
  }
}
