/* SPDX-License-Identifier: Apache-2.0 */
/* What the guests of tests/cluster/once_test.py share: numbers under names in their data. */
#include "samoza.h"

#define LAST 1000u

static uint32_t number_of(const char *key, int32_t bytes) {
  uint32_t value = 0;
  return data_get(key, bytes, &value, sizeof value) == sizeof value ? value : 0;
}

static void keep(const char *key, int32_t bytes, uint32_t value) {
  data_put(key, bytes, &value, sizeof value);
}
