/* SPDX-License-Identifier: Apache-2.0 */
/* What ping and echo send each other: 128 bytes. */
#ifndef CROSSING_MESSAGE_H
#define CROSSING_MESSAGE_H

#include "samoza.h"

enum { TRIP = 1, ONE_WAY = 2, LAST = 3 };
struct message {
  uint32_t kind, number;
  char rest[120];
};

#endif
