// SPDX-License-Identifier: Apache-2.0
// Keeps one result per reading. A lane's results are taken in order of their numbers; a repeat
// changes nothing and is counted; a gap makes the worker begin again from what is kept here.
// Keys: 'r' + number (big-endian) -> value, z100, anomaly; 'm' -> struct meta, in one transaction.
#include "../../../guest/common.h"

enum { BATCH = 256 };
struct entry {
  uint32_t key_bytes, value_bytes;
  char key[5];
  char value[12];
} __attribute__((packed));
struct meta {
  uint32_t next[2], repeats, anomalies;
};
static struct {
  struct entry entry[BATCH];
  uint32_t key_bytes, value_bytes;
  char key;
  struct meta meta;
} __attribute__((packed)) batch;
static struct meta meta = {{1, 2}, 0, 0};
static uint32_t gap[2] = {1, 1};  // at the start: tell both workers what is kept
static union {
  struct note note;
  char text[256];
} in;
static char out[16384];
static uint32_t used, shown;
static const char* const lane_path[2] = {"store-a", "store-b"};

static void set_key(char* key, uint32_t n) {
  key[0] = 'r';
  for (int i = 0; i < 4; i++) key[1 + i] = (char)(n >> (24 - 8 * i));
}
static int get_result(uint32_t n, int32_t* result) {
  char key[5];
  set_key(key, n);
  return data_get(key, 5, result, 12) == 12;
}
static void say(const char* text) {
  while (*text && used < sizeof out) out[used++] = *text++;
}
static void say_number(int32_t n) {
  char digits[12];
  int at = 11;
  uint32_t left = n < 0 ? 0u - (uint32_t)n : (uint32_t)n;
  digits[at] = 0;
  do digits[--at] = (char)('0' + left % 10);
  while (left /= 10);
  if (n < 0) digits[--at] = '-';
  say(digits + at);
}
static void tell_window(uint32_t lane) {
  static struct window window;
  uint32_t next = meta.next[lane], have = (next - 1 - lane) / 2;
  window.kind = WINDOW_IS;
  window.next = next;
  window.count = have < WINDOW ? have : WINDOW;
  for (uint32_t i = 0; i < window.count; i++) {
    int32_t result[3];
    if (!get_result(next - 2 * (window.count - i), result)) return;  // the tick tries again
    window.value[i] = result[0];
  }
  gap[lane] = send_on(lane_path[lane], &window, sizeof window, 0) < 0;
}
// "status" and "anomalies AFTER": deterministic text, one line an anomaly: number value z100.
// A page of a list ends with "more AFTER" or "end".
static void answer(int32_t bytes) {
  used = 0;
  if (bytes >= 6 && in.text[0] == 's') {
    say("results "), say_number((int32_t)((meta.next[0] - 1) / 2 + (meta.next[1] - 2) / 2));
    say(" repeats "), say_number((int32_t)meta.repeats);
    say(" anomalies "), say_number((int32_t)meta.anomalies), say("\n");
  } else if (bytes >= 9 && in.text[0] == 'a') {
    uint32_t n = 0, end = meta.next[0] < meta.next[1] ? meta.next[0] : meta.next[1];
    for (int32_t i = 10; i < bytes && in.text[i] >= '0' && in.text[i] <= '9'; i++)
      n = n * 10 + (uint32_t)(in.text[i] - '0');
    say("anomalies\n");
    uint32_t stop = n + 2000;  // a page; the rest is asked for with the number given
    for (n++; n < end && n <= stop && used < sizeof out - 100; n++) {
      int32_t r[3];
      if (!get_result(n, r) || !r[2]) continue;
      say_number((int32_t)n), say(" "), say_number(r[0]), say(" "), say_number(r[1]), say("\n");
    }
    if (n < end)
      say("more "), say_number((int32_t)n - 1), say("\n");
    else
      say("end\n");
  } else {
    say("unknown query; use: status | anomalies AFTER\n");
  }
  send_on("answer", out, used, 0);
}
static void show(void) {
  uint32_t end = meta.next[0] < meta.next[1] ? meta.next[0] : meta.next[1];
  if (shown + 100 < end) shown = end - 101;
  used = 0;
  say("live\n");
  for (uint32_t n = shown + 1; n < end; n++) {
    int32_t r[3];
    if (!get_result(n, r)) break;
    shown = n;
    say_number((int32_t)n), say(" "), say_number(r[0]), say(r[2] ? " 1\n" : " 0\n");
  }
  if (used > 5) send_on("live", out, used, 0);
}
static int32_t flush(uint32_t entries, const struct meta* after) {
  if (entries == 0) return 0;
  // The meta entry goes right behind the last result.
  struct {
    uint32_t key_bytes, value_bytes;
    char key;
    struct meta meta;
  } __attribute__((packed)) last = {1, sizeof *after, 'm', *after};
  memcpy((char*)&batch.entry[entries], &last, sizeof last);
  int32_t done = data_put_many(&batch, (int32_t)(entries * sizeof(struct entry) + sizeof last));
  if (done < 0) return gap[0] = gap[1] = 1, done;  // nothing was kept: begin again
  meta = *after;
  return 0;
}

SAMOZA_EXPORT("on_init") int32_t on_init(void) {
  int32_t got = data_get("m", 1, &meta, sizeof meta);
  if (got < 0 && got != SAMOZA_E_NOT_FOUND) return got;
  tick_in(250);
  return 0;
}
SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  pay_tick();
  struct meta after = meta;
  uint32_t entries = 0;
  int32_t n, asked = 0, ticked = 0;
  while (entries < BATCH && !asked && !ticked && (n = net_recv_next(&in, sizeof in, 0, 0)) >= 0) {
    if (n != (int32_t)sizeof in.note || in.note.kind > TICK) {
      asked = n ? n : 1;
    } else if (in.note.kind == TICK) {
      ticked = 1;
    } else if (in.note.kind == ASK_WINDOW) {
      if (in.note.number - 1 < 2) gap[in.note.number - 1] = 1;
    } else if (in.note.kind == RESULT && in.note.number) {
      uint32_t lane = (in.note.number - 1) % 2;
      if (in.note.number < after.next[lane]) after.repeats++;
      if (in.note.number > after.next[lane]) gap[lane] = 1;
      if (in.note.number != after.next[lane]) continue;
      struct entry* e = &batch.entry[entries++];
      e->key_bytes = 5, e->value_bytes = 12;
      set_key(e->key, in.note.number);
      memcpy(e->value, &in.note.value, 12);
      after.next[lane] += 2;
      after.anomalies += in.note.anomaly != 0;
    }
  }
  if (entries)
    flush(entries, &after);
  else
    meta.repeats = after.repeats;  // kept with the next result
  if (asked) answer(asked);
  if (ticked) {
    for (uint32_t lane = 0; lane < 2; lane++)
      if (gap[lane]) tell_window(lane);
    show();
    tick_in(250);
  }
  return 0;
}
SAMOZA_EXPORT("on_close") int32_t on_close(void) {
  return 0;
}
