/* SPDX-License-Identifier: Apache-2.0 */
/* The conformance guest in C, with wasi-libc: see languages_test.py. */
#include "samoza.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char buffer[1024];

static long long now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void check(void) {
  printf("first\nsecond\n");
  printf("par");
  printf("tial\n");
  printf("greeting %s\n", getenv("GREETING"));
  const long long before = now_ns();
  nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
  printf("slept %s\n", now_ns() - before >= 20000000 ? "yes" : "no");
  unsigned long long random[2] = {0, 0};
  getentropy(random, sizeof random);
  printf("random %s\n", random[0] != random[1] ? "yes" : "no");
  errno = 0;
  printf("file %s\n", fopen("/etc/passwd", "r") == NULL && errno != 0 ? "refused" : "opened");
  printf("time %s\n", time(NULL) > 1600000000 ? "yes" : "no");
  fprintf(stderr, "error line\n");
  net_emit_to("again", 5, "done", 4, -1);
}

SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  const int32_t n = net_recv_next(buffer, sizeof buffer - 1, 0, 0);
  if (n <= 0) return 0;
  buffer[n] = 0;
  if (strcmp(buffer, "check") == 0)
    check();
  else if (strcmp(buffer, "panic") == 0)
    abort();
  else
    printf("got %s\n", buffer);
  return 0;
}
