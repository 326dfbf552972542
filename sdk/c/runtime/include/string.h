/* SPDX-License-Identifier: Apache-2.0 */
/* <string.h> of guests without a C library: what memory.c has. mex puts this folder on the include
   path only where wasi-libc is not installed. */
#ifndef SAMOZA_STRING_H
#define SAMOZA_STRING_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

void* memcpy(void* to, const void* from, size_t n);
void* memmove(void* to, const void* from, size_t n);
void* memset(void* to, int byte, size_t n);
int memcmp(const void* a, const void* b, size_t n);
int bcmp(const void* a, const void* b, size_t n);
void* memchr(const void* in, int byte, size_t n);
size_t strlen(const char* text);
size_t strnlen(const char* text, size_t max);
int strcmp(const char* a, const char* b);
int strncmp(const char* a, const char* b, size_t n);

#ifdef __cplusplus
}
#endif

#endif /* SAMOZA_STRING_H */
