/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that the compiler itself may call in any C program, and those of <string.h> that go
   with them: for guests without a C library. With -mbulk-memory the builtins are instructions, not
   calls. */
#include <string.h>

void *memcpy(void *to, const void *from, size_t n) { return __builtin_memcpy(to, from, n); }
void *memmove(void *to, const void *from, size_t n) { return __builtin_memmove(to, from, n); }
void *memset(void *to, int byte, size_t n) { return __builtin_memset(to, byte, n); }

int memcmp(const void *a, const void *b, size_t n) {
  const unsigned char *x = a, *y = b;
  for (size_t i = 0; i < n; i++)
    if (x[i] != y[i]) return x[i] - y[i];
  return 0;
}
int bcmp(const void *a, const void *b, size_t n) { return memcmp(a, b, n); }

void *memchr(const void *in, int byte, size_t n) {
  const unsigned char *x = in;
  for (size_t i = 0; i < n; i++)
    if (x[i] == (unsigned char)byte) return (void *)(x + i);
  return 0;
}

size_t strlen(const char *text) {
  size_t n = 0;
  while (text[n]) n++;
  return n;
}
size_t strnlen(const char *text, size_t max) {
  size_t n = 0;
  while (n < max && text[n]) n++;
  return n;
}
int strncmp(const char *a, const char *b, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const unsigned char x = (unsigned char)a[i], y = (unsigned char)b[i];
    if (x != y || x == 0) return x - y;
  }
  return 0;
}
int strcmp(const char *a, const char *b) { return strncmp(a, b, (size_t)-1); }
