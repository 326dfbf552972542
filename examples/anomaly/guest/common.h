// SPDX-License-Identifier: Apache-2.0
// What the spaces of this example tell each other. All integers little-endian, as wasm has them.
// Readings are numbered from 1. Odd numbers are worker-a's (lane 0), even ones worker-b's (lane 1).
#ifndef ANOMALY_COMMON_H
#define ANOMALY_COMMON_H
#include "samoza.h"

enum { WINDOW = 32 };
enum kind { HELLO = 1, READING, RESULT, ASK_WINDOW, WINDOW_IS, REWIND, TICK };

struct note {  // HELLO, READING, RESULT, ASK_WINDOW, REWIND, TICK
  uint32_t kind, number;
  int32_t value, z100;  // z100: distance from the mean in 1/100 standard deviations
  uint32_t anomaly;
};
struct window {  // WINDOW_IS: the last values before `next`, oldest first
  uint32_t kind, next, count;
  int32_t value[WINDOW];
};

static inline uint32_t text_bytes(const char* text) {
  uint32_t n = 0;
  while (text[n]) n++;
  return n;
}
static inline int32_t send_on(const char* path, const void* data, uint32_t bytes, int32_t wait_ms) {
  return net_emit_to(path, (int32_t)text_bytes(path), data, (int32_t)bytes, wait_ms);
}
static inline uint64_t now_ms(void) {
  uint64_t ns = 0;
  samoza_clock_time_get(1, 0, &ns);
  return ns / 1000000;
}
// The next tick. It is lost when the mailbox is full at its time (docs/abi.md), so each on_process
// begins another when the last is long overdue.
static uint64_t tick_due;
static inline void tick_in(int32_t ms) {
  struct note note = {TICK, 0, 0, 0, 0};
  tick_due = now_ms() + (uint64_t)ms;
  sys_self_emit(&note, sizeof note, ms);
}
static inline void pay_tick(void) {
  if (now_ms() > tick_due + 1000) tick_in(1);
}
// clang makes calls of these from plain loops and assignments; there is no C library.
void* memcpy(void* to, const void* from, unsigned long n) {
  for (unsigned long i = 0; i < n; i++) ((volatile char*)to)[i] = ((const char*)from)[i];
  return to;
}
void* memset(void* to, int value, unsigned long n) {
  for (unsigned long i = 0; i < n; i++) ((volatile char*)to)[i] = (char)value;
  return to;
}
#endif
