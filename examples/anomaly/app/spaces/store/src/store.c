/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps one result for each reading, by its number: a repeat changes nothing and is counted. Everything
   that counts is in data.*; the rest is read from there at the start.
     r<number, 8 hex digits>  "value z_milli anomaly"
     a<number, 8 hex digits>  the same, anomalies only
     next0 next1              the first number missing of each parity
     repeats                  results that were there already
   What is put away in one transaction is finished only by the next receive; should the store die in
   between, its next life tells the workers where it really stands.
   It tells them in turns of its own (a message to itself): a turn that takes a result is finished only when
   what it sent was received, and a worker that waits for room towards the store takes nothing in. */
#include "../../../../common/guest.h"

enum { BATCH_MAX = 128, ENTRY_MAX = 64 };
static uint32_t next[2] = {0, 1}, repeats, anomalies;
static int32_t recent[2][WINDOW]; /* the last values of each parity, by number / 2 */
static char message[1024], batch[BATCH_MAX * 2 * ENTRY_MAX + 256], out[8192];
static int batch_bytes, batch_results;
static int telling[2];                           /* a message to itself is on its way */
static uint32_t told[2] = {0xffffffffu, 0xffffffffu}; /* `next` as the worker was told last */

static char *put_text(char *to, const char *text) {
  while (*text) *to++ = *text++;
  return to;
}
static char *put_number(char *to, int64_t n) {
  char digits[24];
  int i = 0;
  if (n < 0) {
    *to++ = '-';
    n = -n;
  }
  do digits[i++] = (char)('0' + n % 10);
  while ((n /= 10) > 0);
  while (i > 0) *to++ = digits[--i];
  return to;
}
static char *put_hex(char *to, uint32_t n) {
  for (int shift = 28; shift >= 0; shift -= 4) *to++ = "0123456789abcdef"[n >> shift & 15];
  return to;
}

static void add_entry(const char *key, int key_bytes, const char *value, int value_bytes) {
  const uint32_t lengths[2] = {(uint32_t)key_bytes, (uint32_t)value_bytes};
  memcpy(batch + batch_bytes, lengths, 8);
  memcpy(batch + batch_bytes + 8, key, (unsigned long)key_bytes);
  memcpy(batch + batch_bytes + 8 + key_bytes, value, (unsigned long)value_bytes);
  batch_bytes += 8 + key_bytes + value_bytes;
}
static void add_number(const char *key, uint32_t n) {
  char text[16];
  add_entry(key, length(key), text, (int)(put_number(text, n) - text));
}

static int64_t signed_of(const char **at) {
  while (**at == ' ') ++*at;
  const int negative = **at == '-';
  if (negative) ++*at;
  int64_t n = 0;
  while (**at >= '0' && **at <= '9') n = n * 10 + *(*at)++ - '0';
  return negative ? -n : n;
}
static uint32_t load_number(const char *key, uint32_t fallback) {
  char text[16];
  const int32_t n = data_get(key, length(key), text, sizeof text - 1);
  if (n < 0) return fallback;
  text[n] = 0;
  const char *at = text;
  return (uint32_t)signed_of(&at);
}

static void tell_worker(uint32_t parity) {
  struct resume r;
  memset(&r, 0, sizeof r);
  r.kind = RESUME;
  r.next = next[parity];
  const uint32_t done = (next[parity] - parity) / 2;
  r.count = done < WINDOW ? done : WINDOW;
  for (uint32_t i = 0; i < r.count; i++)
    r.window[i] = recent[parity][(done - r.count + i) % WINDOW];
  if (net_emit_to(parity ? "resume-b" : "resume-a", 8, &r, sizeof r, 0) >= 0) told[parity] = r.next;
}

static void tell_worker_soon(uint32_t parity) {
  const struct where w = {WHERE, parity};
  if (!telling[parity]) telling[parity] = sys_self_emit(&w, sizeof w, 0) >= 0;
}

static void count_anomalies(void) {
  char after[16];
  int after_bytes = 0;
  for (;;) {
    const int32_t n = data_list("a", 1, after, after_bytes, out, sizeof out);
    if (n <= 0) return;
    for (int32_t at = 0; at < n;) {
      uint32_t bytes;
      memcpy(&bytes, out + at, 4);
      memcpy(after, out + at + 4, bytes);
      after_bytes = (int)bytes;
      at += 4 + (int32_t)bytes;
      anomalies++;
    }
  }
}

SAMOZA_EXPORT("on_init") int32_t on_init(void) {
  next[0] = load_number("next0", 0);
  next[1] = load_number("next1", 1);
  repeats = load_number("repeats", 0);
  count_anomalies();
  for (uint32_t parity = 0; parity < 2; parity++) {
    const uint32_t done = (next[parity] - parity) / 2;
    for (uint32_t i = done < WINDOW ? 0 : done - WINDOW; i < done; i++) {
      char key[12], value[48];
      key[0] = 'r';
      put_hex(key + 1, 2 * i + parity);
      const int32_t n = data_get(key, 9, value, sizeof value - 1);
      if (n < 0) return 1;
      value[n] = 0;
      const char *at = value;
      recent[parity][i % WINDOW] = (int32_t)signed_of(&at);
    }
    tell_worker(parity);
  }
  return 0;
}

static char *feed_at;

static void take_result(const struct result *r) {
  const uint32_t parity = r->number & 1;
  if (r->number < next[parity]) {
    repeats++;
    batch_results++;
    return;
  }
  if (r->number > next[parity]) { /* a gap: it goes on from where we are, and needs to hear so once */
    if (told[parity] != next[parity]) tell_worker_soon(parity);
    return;
  }
  char key[12], value[48], *end = value;
  put_hex(key + 1, r->number);
  end = put_number(end, r->value);
  *end++ = ' ';
  end = put_number(end, r->z_milli);
  *end++ = ' ';
  *end++ = r->anomaly ? '1' : '0';
  key[0] = 'r';
  add_entry(key, 9, value, (int)(end - value));
  if (r->anomaly) {
    key[0] = 'a';
    add_entry(key, 9, value, (int)(end - value));
    anomalies++;
  }
  recent[parity][(r->number - parity) / 2 % WINDOW] = r->value;
  next[parity] += 2;
  batch_results++;
  if (feed_at != out) *feed_at++ = ',';
  *feed_at++ = '[';
  feed_at = put_number(feed_at, r->number);
  *feed_at++ = ',';
  feed_at = put_number(feed_at, r->value);
  *feed_at++ = ',';
  feed_at = put_number(feed_at, r->z_milli);
  feed_at = put_text(feed_at, r->anomaly ? ",1]" : ",0]");
}

static int put_batch(void) {
  if (batch_results == 0) return 0;
  add_number("next0", next[0]);
  add_number("next1", next[1]);
  add_number("repeats", repeats);
  const int32_t done = data_put_many(batch, batch_bytes);
  batch_bytes = batch_results = 0;
  if (done != 0) return 1; /* the store failed: end, and start again from what is there */
  if (feed_at == out) return 0;
  static char page[9000];
  char *to = put_text(page, "{\"type\":\"points\",\"points\":[");
  memcpy(to, out, (unsigned long)(feed_at - out));
  to = put_text(to + (feed_at - out), "]}");
  net_emit_to("feed", 4, page, (int)(to - page), 0);
  return 0;
}

static void answer_summary(void) {
  char *to = put_text(out, "{\"type\":\"summary\",\"results\":");
  to = put_number(to, next[0] / 2 + (next[1] - 1) / 2);
  to = put_text(to, ",\"repeats\":");
  to = put_number(to, repeats);
  to = put_text(to, ",\"anomalies\":");
  to = put_number(to, anomalies);
  to = put_text(to, ",\"next\":[");
  to = put_number(to, next[0]);
  *to++ = ',';
  to = put_number(to, next[1]);
  to = put_text(to, "]}");
  net_emit_to("feed", 4, out, (int)(to - out), 0);
}

/* Every result ("r") or anomaly ("a") behind a key, a page at a time: lines "number value z anomaly". */
static void answer_list(const char *text, int bytes) {
  static char keys[2048];
  const int32_t n = data_list(text, 1, text, bytes, keys, sizeof keys);
  char *to = put_text(out, "{\"type\":\"list\",\"after\":\"");
  memcpy(to, text, (unsigned long)bytes);
  to = put_text(to + bytes, "\",\"items\":[");
  int first = 1;
  for (int32_t at = 0; at < n;) {
    uint32_t key_bytes;
    memcpy(&key_bytes, keys + at, 4);
    const char *key = keys + at + 4;
    char value[48];
    const int32_t m = data_get(key, (int)key_bytes, value, sizeof value);
    if (m < 0 || out + sizeof out - to < 128) break;
    if (!first) *to++ = ',';
    first = 0;
    *to++ = '"';
    memcpy(to, key, key_bytes);
    to += key_bytes;
    *to++ = ' ';
    memcpy(to, value, (unsigned long)m);
    to += m;
    *to++ = '"';
    at += 4 + (int32_t)key_bytes;
  }
  to = put_text(to, "]}");
  net_emit_to("feed", 4, out, (int)(to - out), 0);
}

static void take_query(const char *text, int bytes) {
  if (bytes == 7 && text[0] == 's') return answer_summary();
  if (bytes >= 1 && bytes <= 9 && (text[0] == 'a' || text[0] == 'r')) answer_list(text, bytes);
}

SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  for (;;) {
    struct samoza_message info;
    feed_at = out;
    int32_t n = net_recv_next(message, sizeof message, &info, -1);
    for (int taken = 0; n >= 0; taken++) {
      if (info.path[0] == 'q') {
        if (put_batch()) return 1;
        take_query(message, n);
        break;
      }
      const uint32_t kind = *(const uint32_t *)message;
      if (kind == RESULT && n == sizeof(struct result)) take_result((const struct result *)message);
      if (kind == WHERE && n == sizeof(struct where)) {
        const uint32_t parity = ((const struct where *)message)->parity & 1;
        if (info.flags & SAMOZA_SELF) {
          if (put_batch()) return 1;
          feed_at = out;
          telling[parity] = 0;
          tell_worker(parity);
        } else {
          tell_worker_soon(parity);
        }
      }
      if (taken + 1 >= BATCH_MAX) break;
      n = net_recv_next(message, sizeof message, &info, 0);
    }
    if (put_batch()) return 1;
  }
}
