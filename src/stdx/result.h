// SPDX-License-Identifier: Apache-2.0
#pragma once

// Expected failure as a value. Every function that can fail because of what a peer, a guest, an
// operator, a disk or time did returns `Result<T>`; a broken invariant of our own aborts instead
// (stdx/assert.h). Exceptions of libraries stop inside their adapter and become an `Error`.

#include <expected>
#include <string>
#include <utility>

namespace stdx {

// What a caller may want to react to differently. Detail belongs in the message. The numbers are
// on the wire (samoza.v1.Status.code) and never change.
enum class Code : int {
  invalid = 1,         // the request itself breaks a rule; repeating it cannot help
  not_found = 2,       // the named thing does not exist (here, now)
  already_exists = 3,  // the named thing exists and may not be replaced
  conflict = 4,        // a compare-and-set lost: read again, then decide again
  stale = 5,           // term, epoch, incarnation or counter is older than what was seen
  denied = 6,          // the caller may not do this
  unavailable = 7,     // the other side is away; the request was not carried out
  unknown = 8,         // the outcome is unknown: it may have been carried out
  full = 9,            // a bound was reached
  timeout = 10,        // the time given ran out; the outcome is unknown
  corrupt = 11,        // stored or received bytes fail their check
  unsupported = 12,    // valid, but not built or switched off
  failed = 13,         // anything else that went wrong outside
};

// The lower-case name used in JSON and logs.
const char* to_string(Code code);

struct Error {
  Code code = Code::failed;
  // One line for a person: names the thing, the rule and, where there is one, the next step.
  std::string message;

  bool operator==(const Error&) const = default;
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

// `return fail(Code::full, "mailbox of {} is full")`
inline std::unexpected<Error> fail(Code code, std::string message) {
  return std::unexpected<Error>(Error{code, std::move(message)});
}

}  // namespace stdx

#define STDX_CONCAT_INNER(a, b) a##b
#define STDX_CONCAT(a, b) STDX_CONCAT_INNER(a, b)

// TRY(expr): leaves the function with the error of a failed Status.
#define TRY(expr) TRY_IMPL(STDX_CONCAT(try_result_, __COUNTER__), expr)
#define TRY_IMPL(tmp, expr)                                                                     \
  do {                                                                                          \
    if (auto tmp = (expr); !tmp) return std::unexpected<::stdx::Error>(std::move(tmp.error())); \
  } while (false)

// TRY_ASSIGN(auto x, expr): the value, or leaves with the error.
#define TRY_ASSIGN(lhs, expr) TRY_ASSIGN_IMPL(STDX_CONCAT(try_value_, __LINE__), lhs, expr)
#define TRY_ASSIGN_IMPL(tmp, lhs, expr)                                    \
  auto tmp = (expr);                                                       \
  if (!tmp) return std::unexpected<::stdx::Error>(std::move(tmp.error())); \
  lhs = std::move(*tmp)
