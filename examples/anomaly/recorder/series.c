// SPDX-License-Identifier: Apache-2.0
// Records a Linux machine: samples /proc/stat, /proc/meminfo and /proc/pressure/* each 100 ms and
// prints one line `{t_ms, busy, available, cpu, io, memory},` per reading, ready to be included
// in a C array. busy: share of the processors in use since the last reading, in 1/1000;
// available: MemAvailable in MiB; cpu, io, memory: microseconds of "some" stall since the last
// reading (0 where the kernel has no pressure files).
// Usage: series READINGS > recording.inc
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef unsigned long long u64;

static int read_cpu(u64* busy, u64* total) {
  FILE* file = fopen("/proc/stat", "r");
  u64 field[8] = {0};
  if (!file) return 0;
  int got = fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &field[0], &field[1],
                   &field[2], &field[3], &field[4], &field[5], &field[6], &field[7]);
  fclose(file);
  if (got < 4) return 0;
  *total = 0;
  for (int i = 0; i < 8; i++) *total += field[i];
  *busy = *total - field[3] - field[4];
  return 1;
}

static u64 read_available_mib(void) {
  FILE* file = fopen("/proc/meminfo", "r");
  char line[128];
  u64 kib = 0;
  if (!file) return 0;
  while (fgets(line, sizeof line, file))
    if (sscanf(line, "MemAvailable: %llu", &kib) == 1) break;
  fclose(file);
  return kib / 1024;
}

static u64 read_stall(const char* path) {
  FILE* file = fopen(path, "r");
  char line[160];
  u64 total = 0;
  if (!file) return 0;
  while (fgets(line, sizeof line, file)) {
    const char* at = strncmp(line, "some", 4) == 0 ? strstr(line, "total=") : NULL;
    if (at) total = strtoull(at + 6, NULL, 10);
  }
  fclose(file);
  return total;
}

int main(int argc, char** argv) {
  static const char* const files[3] = {"/proc/pressure/cpu", "/proc/pressure/io",
                                       "/proc/pressure/memory"};
  long readings = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
  if (readings <= 0) {
    fprintf(stderr, "usage: series READINGS > recording.inc (READINGS at least 1)\n");
    return 2;
  }
  u64 busy = 0, total = 0, stall[3];
  if (!read_cpu(&busy, &total)) {
    fprintf(stderr, "series: /proc/stat has no cpu line: this needs Linux with /proc mounted\n");
    return 1;
  }
  for (int i = 0; i < 3; i++) stall[i] = read_stall(files[i]);
  struct timespec next;
  clock_gettime(CLOCK_MONOTONIC, &next);
  for (long n = 1; n <= readings; n++) {
    next.tv_nsec += 100000000;
    if (next.tv_nsec >= 1000000000) next.tv_sec++, next.tv_nsec -= 1000000000;
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    u64 busy_now = busy, total_now = total, delta[3];
    read_cpu(&busy_now, &total_now);
    u64 span = total_now - total;
    u64 share = span ? (busy_now - busy) * 1000 / span : 0;
    for (int i = 0; i < 3; i++) {
      u64 now = read_stall(files[i]);
      delta[i] = now - stall[i];
      stall[i] = now;
    }
    printf("{%ld, %llu, %llu, %llu, %llu, %llu},\n", n * 100, share, read_available_mib(), delta[0],
           delta[1], delta[2]);
    fflush(stdout);
    busy = busy_now;
    total = total_now;
  }
  return 0;
}
