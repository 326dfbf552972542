/* SPDX-License-Identifier: Apache-2.0 */
/* Records this machine: COUNT readings, one each 100 ms, to standard output. One line a reading:
     t_ms busy total mem_available_kb psi_cpu psi_memory psi_io
   busy and total are jiffies since boot (/proc/stat), psi_* the "some avg10" of /proc/pressure in
   hundredths of a per cent. usage: recorder COUNT > recording.txt */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static long pressure(const char *path) {
  double avg10 = 0;
  FILE *f = fopen(path, "r");
  if (f == NULL) return 0;
  if (fscanf(f, "some avg10=%lf", &avg10) != 1) avg10 = 0;
  fclose(f);
  return (long)(avg10 * 100 + 0.5);
}

static unsigned long long mem_available(void) {
  char line[256];
  unsigned long long kb = 0;
  FILE *f = fopen("/proc/meminfo", "r");
  if (f == NULL) return 0;
  while (fgets(line, sizeof line, f) != NULL)
    if (sscanf(line, "MemAvailable: %llu", &kb) == 1) break;
  fclose(f);
  return kb;
}

int main(int argc, char **argv) {
  const long count = argc > 1 ? atol(argv[1]) : 0;
  if (count <= 0) {
    fprintf(stderr, "usage: recorder COUNT > recording.txt\n");
    return 2;
  }
  struct timespec start, next;
  clock_gettime(CLOCK_MONOTONIC, &start);
  next = start;
  for (long i = 0; i < count; i++) {
    unsigned long long user = 0, nice = 0, sys = 0, idle = 0, wait = 0, irq = 0, soft = 0;
    FILE *f = fopen("/proc/stat", "r");
    if (f == NULL ||
        fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &sys, &idle, &wait, &irq,
               &soft) != 7)
      return 1;
    fclose(f);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const long ms =
        (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000;
    const unsigned long long busy = user + nice + sys + irq + soft;
    printf("%ld %llu %llu %llu %ld %ld %ld\n", ms, busy, busy + idle + wait, mem_available(),
           pressure("/proc/pressure/cpu"), pressure("/proc/pressure/memory"),
           pressure("/proc/pressure/io"));
    next.tv_nsec += 100000000;
    if (next.tv_nsec >= 1000000000) {
      next.tv_nsec -= 1000000000;
      next.tv_sec++;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
  }
  return 0;
}
