// SPDX-License-Identifier: Apache-2.0
// A worker: rolling z-score over its lane. Its memory may vanish at any moment: it starts by asking
// the store for its last window and then the source for the first number missing, so that what it
// finds is the same whatever was killed. Integers only: the same result on every machine.
#include "common.h"

static int32_t values[WINDOW];          // a ring, oldest at `head`
static uint32_t head, count, expected;  // expected 0: no window yet
static uint32_t behind;
static union {
  struct note note;
  struct window window;
} in;

static int64_t root(int64_t x) {
  int64_t r = 0;
  for (int64_t bit = (int64_t)1 << 31; bit; bit >>= 1)
    if ((r + bit) * (r + bit) <= x) r += bit;
  return r;
}

static void rewind_source(void) {
  struct note note = {REWIND, expected, 0, 0, 0};
  behind = send_on(TO_SOURCE, &note, sizeof note, 0) < 0;  // the tick tries again
}
static void ask_window(void) {
  struct note note = {ASK_WINDOW, LANE + 1, 0, 0, 0};
  send_on(TO_STORE, &note, sizeof note, 0);
}

static void take_window(void) {
  if (in.window.count > WINDOW) return;
  head = 0;
  count = in.window.count;
  expected = in.window.next;
  for (uint32_t i = 0; i < count; i++) values[i] = in.window.value[i];
  rewind_source();
}

static void take_reading(void) {
  if (expected == 0 || in.note.number < expected) return;
  if (in.note.number > expected) {
    behind = 1;
    return;
  }
  int64_t sum = 0, squares = 0, x = in.note.value;
  for (uint32_t i = 0; i < count; i++) sum += values[i], squares += (int64_t)values[i] * values[i];
  struct note result = {RESULT, expected, in.note.value, 0, 0};
  if (count == WINDOW) {
    int64_t spread = root(WINDOW * squares - sum * sum), off = WINDOW * x - sum;
    if (spread < WINDOW * 10) spread = WINDOW * 10;  // a still series has no anomaly of 1/1000
    result.z100 = (int32_t)(off * 100 / spread);
    result.anomaly = result.z100 > 400 || result.z100 < -400;
    values[head] = in.note.value;
    head = (head + 1) % WINDOW;
  } else {
    values[count++] = in.note.value;
  }
  if (send_on(TO_STORE, &result, sizeof result, -1) < 0) {
    expected = 0;  // not sent: begin again from what the store has
    return;
  }
  expected += 2;
}

SAMOZA_EXPORT("on_init") int32_t on_init(void) {
  ask_window();
  tick_in(500);
  return 0;
}
SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  pay_tick();
  int32_t n = net_recv_next(&in, sizeof in, 0, 0);
  if (n < (int32_t)sizeof(struct note)) return 0;
  if (in.note.kind == READING) take_reading();
  if (in.note.kind == WINDOW_IS && n == (int32_t)sizeof(struct window)) take_window();
  if (in.note.kind == HELLO && expected) rewind_source();
  if (in.note.kind == TICK) {
    if (expected == 0)
      ask_window();
    else if (behind)
      rewind_source();
    tick_in(500);
  }
  return 0;
}
SAMOZA_EXPORT("on_close") int32_t on_close(void) {
  return 0;
}
