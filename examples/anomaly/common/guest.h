/* SPDX-License-Identifier: Apache-2.0 */
/* What the guests of this example share: messages, configuration, and the few functions that clang may
   call by itself without a C library. */
#ifndef ANOMALY_GUEST_H
#define ANOMALY_GUEST_H

#include "samoza.h"

void *memcpy(void *to, const void *from, unsigned long n) {
  char *t = to;
  const char *f = from;
  while (n--) *t++ = *f++;
  return to;
}
void *memset(void *to, int c, unsigned long n) {
  char *t = to;
  while (n--) *t++ = (char)c;
  return to;
}
static inline int same(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}
static inline int length(const char *s) {
  int n = 0;
  while (s[n]) n++;
  return n;
}
static inline int say(const char *text) { return sys_log(1, text, length(text)); }

/* --- messages: little-endian, as wasm stores them --- */
enum { READING = 1, RESULT = 2, WHERE = 3, RESUME = 4, FROM = 5, HELLO = 6 };
enum { WINDOW = 64 };

struct reading { uint32_t kind, number; int32_t value; };
struct result { uint32_t kind, number; int32_t value, z_milli; uint32_t anomaly; };
struct where { uint32_t kind, parity; };  /* worker -> store: where do I go on? */
struct resume {                           /* store -> worker */
  uint32_t kind, next, count;
  int32_t window[WINDOW]; /* the `count` values before `next`, oldest first */
};
struct from { uint32_t kind, number; }; /* worker -> source: send from here on */

/* The value of a configuration entry, or `fallback`. */
static inline const char *setting(const char *name, const char *fallback) {
  static char bytes[2048];
  static char *entries[32];
  uint32_t count = 0, size = 0;
  if (samoza_environ_sizes_get(&count, &size) != 0 || count > 32 || size > sizeof bytes) return fallback;
  samoza_environ_get(entries, bytes);
  for (uint32_t i = 0; i < count; i++) {
    const char *e = entries[i], *n = name;
    while (*n && *e == *n) e++, n++;
    if (!*n && *e == '=') return e + 1;
  }
  return fallback;
}
static inline uint32_t number_of(const char *text) {
  uint32_t n = 0;
  while (*text >= '0' && *text <= '9') n = n * 10 + (uint32_t)(*text++ - '0');
  return n;
}
static inline uint64_t now_ns(void) {
  uint64_t ns = 0;
  samoza_clock_time_get(1, 1, &ns);
  return ns;
}

#endif
