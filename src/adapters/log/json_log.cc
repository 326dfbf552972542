// SPDX-License-Identifier: Apache-2.0
#include "adapters/log/json_log.h"

#include <nlohmann/json.hpp>

#include "stdx/text.h"

namespace adapters::log {
namespace {

const char* name_of(ports::Level level) {
  switch (level) {
    case ports::Level::debug:
      return "debug";
    case ports::Level::info:
      return "info";
    case ports::Level::warn:
      return "warn";
    case ports::Level::error:
      return "error";
  }
  return "info";
}

}  // namespace

std::string json_line(const std::string& service, const std::string& zhost, std::int64_t unix_ms,
                      ports::Level level, std::string_view event, ports::Fields fields) {
  nlohmann::ordered_json line;
  const stdx::WallTime time{std::chrono::milliseconds(unix_ms)};
  auto stamp = stdx::format_rfc3339(time);
  stamp.insert(stamp.size() - 1, stdx::format(".{:03}", unix_ms % 1000));
  line["ts"] = stamp;
  line["level"] = name_of(level);
  line["service"] = service;
  line["zhost"] = zhost;
  line["event"] = event;
  for (const auto& field : fields)
    std::visit([&](const auto& value) { line[std::string(field.name)] = value; }, field.value);
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

JsonLog::JsonLog(const ports::Clock& clock, Options options)
    : clock_(clock),
      options_(std::move(options)),
      writer_({.file = options_.file,
               .descriptor = options_.descriptor,
               .dropped_line =
                   [this](std::uint64_t n) {
                     return line(ports::Level::warn, "log_lines_dropped",
                                 {{"count", n}, {"text", stdx::format("{} log lines dropped", n)}});
                   },
               .on_dropped =
                   [dropped = options_.dropped](std::uint64_t n) {
                     if (dropped != nullptr) dropped->add(n);
                   }}) {}

std::string JsonLog::line(ports::Level level, std::string_view event, ports::Fields fields) const {
  const auto ms = clock_.wall().time_since_epoch().count();
  return json_line(options_.service, options_.zhost, ms, level, event, fields);
}

void JsonLog::write(ports::Level level, std::string_view event, ports::Fields fields) {
  if (level < options_.level) return;
  writer_.write(line(level, event, fields));
}

}  // namespace adapters::log
