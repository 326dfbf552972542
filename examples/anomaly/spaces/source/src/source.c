// SPDX-License-Identifier: Apache-2.0
// Replays the recording (share of processors in use, 1/1000), one message per reading, numbered on
// and on. Config: RATE readings a second, COUNT the last number (0: endless). It remembers nothing:
// after its start the workers say where they are.
#include "../../../guest/common.h"

struct reading {
  uint32_t t_ms;
  int32_t busy, available, cpu, io, memory;
};
static const struct reading recording[] = {
#include "recording.inc"
};
enum { READINGS = sizeof recording / sizeof recording[0], TICK_MS = 10 };

static uint32_t rate = 100, last_number;
static uint32_t next[2];  // 0: the worker has not said yet
static uint64_t started, given;
static const char* const lane_path[2] = {"source-a", "source-b"};

static uint32_t number_of(const char* name, uint32_t fallback) {
  static char* entries[64];
  static char text[4096];
  uint32_t count = 0, bytes = 0, length = text_bytes(name);
  if (samoza_environ_sizes_get(&count, &bytes) || count > 64 || bytes > sizeof text)
    return fallback;
  if (samoza_environ_get(entries, text)) return fallback;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t same = 0, value = 0;
    while (same < length && entries[i][same] == name[same]) same++;
    if (same < length || entries[i][length] != '=') continue;
    for (const char* p = entries[i] + length + 1; *p >= '0' && *p <= '9'; p++)
      value = value * 10 + (uint32_t)(*p - '0');
    return value;
  }
  return fallback;
}
static int send_reading(uint32_t lane) {
  uint32_t n = next[lane];
  if (n == 0 || (last_number && n > last_number)) return 0;
  struct note note = {READING, n, recording[(n - 1) % READINGS].busy, 0, 0};
  if (send_on(lane_path[lane], &note, sizeof note, 0) < 0) return 0;
  next[lane] = n + 2;
  return 1;
}
static void tick(void) {
  uint64_t due = (now_ms() - started) * rate / 1000;
  if (due > given + rate) given = due - rate;  // after a halt: at most one second at once
  for (; given < due; given++) {
    // The lane that is behind goes first, so a worker that came back catches up.
    uint32_t lane = next[1] && (next[0] == 0 || next[1] < next[0]);
    if (!send_reading(lane) && !send_reading(!lane)) break;
  }
  tick_in(TICK_MS);
}

SAMOZA_EXPORT("on_init") int32_t on_init(void) {
  struct note hello = {HELLO, 0, 0, 0, 0};
  rate = number_of("RATE", rate);
  last_number = number_of("COUNT", 0);
  started = now_ms();
  for (int lane = 0; lane < 2; lane++) send_on(lane_path[lane], &hello, sizeof hello, 0);
  tick_in(TICK_MS);
  return 0;
}
SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  pay_tick();
  struct note note;
  if (net_recv_next(&note, sizeof note, 0, 0) != (int32_t)sizeof note) return 0;
  if (note.kind == REWIND && note.number) next[(note.number - 1) % 2] = note.number;
  if (note.kind == TICK) tick();
  return 0;
}
SAMOZA_EXPORT("on_close") int32_t on_close(void) {
  return 0;
}
