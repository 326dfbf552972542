/* SPDX-License-Identifier: Apache-2.0 */
/* For a space that answers HTTP requests (space.yaml: `http: {route: /shop}`): reads a request that
   net_recv_next gave, and answers it. Needs no C library. Copies nothing: what it gives points into
   the message. */
#ifndef SAMOZA_HTTP_H
#define SAMOZA_HTTP_H

#include "samoza.h"

struct samoza_http_text {
  const char* at;
  int32_t bytes;
};

struct samoza_http_request {
  struct samoza_http_text method; /* GET */
  struct samoza_http_text path;  /* /shop/cart: with the route, as it was sent, so still with %20 */
  struct samoza_http_text query; /* what follows the '?' */
  struct samoza_http_text header; /* its lines */
  struct samoza_http_text body;
};

static inline int32_t samoza_http_lower(char c) {
  return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

/* Whether the text is `other`, which ends with a NUL. */
static inline int32_t samoza_http_is(struct samoza_http_text text, const char* other) {
  int32_t i = 0;
  for (; i < text.bytes && other[i]; i++)
    if (text.at[i] != other[i]) return 0;
  return i == text.bytes && !other[i];
}

static inline int32_t samoza_http_find(const char* from, int32_t bytes, char wanted) {
  int32_t i = 0;
  while (i < bytes && from[i] != wanted) i++;
  return i;
}

/* 0; or -1 for a message that is no request, which never comes with the flag SAMOZA_HTTP. */
static inline int32_t samoza_http_parse(const char* message, int32_t bytes,
                                        struct samoza_http_request* request) {
  int32_t line = samoza_http_find(message, bytes, '\r'), end = line;
  int32_t method = samoza_http_find(message, line, ' ');
  if (line == bytes || method == line) return -1;
  const char* target = message + method + 1;
  int32_t target_bytes = samoza_http_find(target, line - method - 1, ' ');
  int32_t path = samoza_http_find(target, target_bytes, '?');
  while (end + 3 < bytes &&
         !(message[end] == '\r' && message[end + 1] == '\n' && message[end + 2] == '\r'))
    end++;
  if (end + 3 >= bytes) return -1;
  request->method = (struct samoza_http_text){message, method};
  request->path = (struct samoza_http_text){target, path};
  request->query = (struct samoza_http_text){target + path + (path < target_bytes),
                                             target_bytes - path - (path < target_bytes)};
  request->header = (struct samoza_http_text){message + line + 2, end > line ? end - line : 0};
  request->body = (struct samoza_http_text){message + end + 4, bytes - end - 4};
  return 0;
}

/* The value of a header by its name in lower case; `at` is 0 where there is none. */
static inline struct samoza_http_text samoza_http_header(const struct samoza_http_request* request,
                                                         const char* name) {
  const char* at = request->header.at;
  int32_t left = request->header.bytes;
  while (left > 0) {
    int32_t line = samoza_http_find(at, left, '\r'), i = 0;
    while (i < line && name[i] && samoza_http_lower(at[i]) == name[i]) i++;
    if (!name[i] && i < line && at[i] == ':') {
      i++;
      while (i < line && at[i] == ' ') i++;
      return (struct samoza_http_text){at + i, line - i};
    }
    at += line + 2;
    left -= line + 2;
  }
  return (struct samoza_http_text){0, 0};
}

/* Writes a response into `out`: a status such as 200, a type such as "text/html". Gives its length,
   or -1 where it does not fit. */
static inline int32_t samoza_http_response(char* out, int32_t capacity, int32_t status,
                                           const char* type, const void* body, int32_t bytes) {
  const char* parts[] = {"HTTP/1.1 ", 0, "\r\ncontent-type: ", type, "\r\n\r\n"};
  const char digits[] = {(char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10),
                         (char)('0' + status % 10), ' ', 0};
  int32_t n = 0;
  parts[1] = digits;
  for (int32_t p = 0; p < 5; p++)
    for (const char* c = parts[p]; *c; c++) {
      if (n == capacity) return -1;
      out[n++] = *c;
    }
  if (bytes > capacity - n) return -1;
  for (int32_t i = 0; i < bytes; i++) out[n++] = ((const char*)body)[i];
  return n;
}

/* The same as the answer to the message in hand, made in `out`. Gives what net_reply gives, or
   SAMOZA_E_TOO_SMALL where the response does not fit into `out`. */
static inline int32_t samoza_http_answer(char* out, int32_t capacity, int32_t status,
                                         const char* type, const void* body, int32_t bytes) {
  int32_t n = samoza_http_response(out, capacity, status, type, body, bytes);
  return n < 0 ? SAMOZA_E_TOO_SMALL : net_reply(out, n);
}

#endif /* SAMOZA_HTTP_H */
