// SPDX-License-Identifier: Apache-2.0
#pragma once

// One event per call; in a process it becomes one JSON line with time, zhost and service added.
//
//   log.info("zhost_dead", {{"zhost", id}, {"silence_ms", ms}});
//
// Event names and field names are snake_case and stable: tests, demo and operators read them.
// Values that a guest or peer wrote need no treatment; the writer escapes. Thread-safe.

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace ports {

enum class Level { debug, info, warn, error };

struct Field {
  using Value = std::variant<std::string, std::int64_t, std::uint64_t, double, bool>;
  std::string_view name;
  Value value;

  Field(std::string_view n, std::string_view v) : name(n), value(std::string(v)) {}
  Field(std::string_view n, const std::string& v) : name(n), value(v) {}
  Field(std::string_view n, const char* v) : name(n), value(std::string(v)) {}
  Field(std::string_view n, bool v) : name(n), value(v) {}
  Field(std::string_view n, double v) : name(n), value(v) {}
  template <std::signed_integral T>
  Field(std::string_view n, T v) : name(n), value(static_cast<std::int64_t>(v)) {}
  template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>)
  Field(std::string_view n, T v) : name(n), value(static_cast<std::uint64_t>(v)) {}
};

using Fields = std::initializer_list<Field>;

class Log {
 public:
  virtual ~Log() = default;
  virtual void write(Level level, std::string_view event, Fields fields) = 0;

  void debug(std::string_view event, Fields fields = {}) { write(Level::debug, event, fields); }
  void info(std::string_view event, Fields fields = {}) { write(Level::info, event, fields); }
  void warn(std::string_view event, Fields fields = {}) { write(Level::warn, event, fields); }
  void error(std::string_view event, Fields fields = {}) { write(Level::error, event, fields); }
};

}  // namespace ports
