// SPDX-License-Identifier: Apache-2.0
#include "adapters/log/json_log.h"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "stdx/text.h"

namespace adapters::log {
namespace {

constexpr std::size_t file_bytes_max = 16u << 20;
constexpr std::size_t files_kept = 4;

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

struct JsonLog::Sink {
  std::shared_ptr<spdlog::logger> logger;
};

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
    : clock_(clock), options_(std::move(options)), sink_(std::make_unique<Sink>()) {
  spdlog::sink_ptr sink;
  if (options_.file.empty())
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  else
    sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(options_.file, file_bytes_max,
                                                                  files_kept);
  sink_->logger = std::make_shared<spdlog::logger>(options_.service, std::move(sink));
  sink_->logger->set_pattern("%v");
  sink_->logger->flush_on(spdlog::level::trace);
}

JsonLog::~JsonLog() = default;

void JsonLog::write(ports::Level level, std::string_view event, ports::Fields fields) {
  if (level < options_.level) return;
  const auto ms = clock_.wall().time_since_epoch().count();
  sink_->logger->log(spdlog::level::info, "{}",
                     json_line(options_.service, options_.zhost, ms, level, event, fields));
}

}  // namespace adapters::log
