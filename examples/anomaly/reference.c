/* SPDX-License-Identifier: Apache-2.0 */
/* What an undisturbed run finds: the anomalies among the first COUNT readings, in the store's own form.
   usage: reference RECORDING COUNT */
#include <stdio.h>
#include <stdlib.h>

#include "common/series.h"
#include "common/zscore.h"

int main(int argc, char **argv) {
  static char text[2 << 20];
  static int32_t values[8192];
  FILE *f = argc == 3 ? fopen(argv[1], "r") : NULL;
  if (f == NULL) {
    fprintf(stderr, "usage: reference RECORDING COUNT\n");
    return 2;
  }
  text[fread(text, 1, sizeof text - 1, f)] = 0;
  fclose(f);
  const uint32_t lines = series_parse(text, values, 8192);
  static struct zscore score[2];
  const unsigned long count = strtoul(argv[2], NULL, 10);
  for (unsigned long k = 0; k < count; k++) {
    const int32_t value = values[k % lines];
    const int32_t z = zscore_next(&score[k & 1], value);
    if (zscore_is_anomaly(z)) printf("a%08lx %d %d 1\n", k, value, z);
  }
  return 0;
}
