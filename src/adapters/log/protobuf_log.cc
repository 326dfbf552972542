// SPDX-License-Identifier: Apache-2.0
#include "adapters/log/protobuf_log.h"

#include <google/protobuf/stubs/logging.h>

#include <bit>
#include <mutex>

#include "stdx/text.h"

namespace adapters::log {
namespace {

constexpr std::size_t words_bytes_max = 300;

// libprotobuf knows one handler for the process, a plain function.
struct Listener {
  std::mutex mutex;
  ports::Log* log = nullptr;
  ports::Counter* count = nullptr;
} listener;

void take(google::protobuf::LogLevel level, const char*, int, const std::string& message) {
  if (level == google::protobuf::LOGLEVEL_INFO) return;
  const std::lock_guard lock(listener.mutex);
  if (listener.log == nullptr) return;
  listener.count->add();
  const auto count = listener.count->value();
  if (!std::has_single_bit(count)) return;
  listener.log->warn("message_not_well_formed",
                     {{"count", count}, {"why", stdx::printable(message, words_bytes_max)}});
}

}  // namespace

ProtobufLog::ProtobufLog(ports::Log& log, ports::Metrics& metrics) {
  const std::lock_guard lock(listener.mutex);
  listener.log = &log;
  listener.count = &metrics.counter("samoza_messages_not_well_formed_total",
                                    "Complaints of libprotobuf about messages it was given");
  google::protobuf::SetLogHandler(take);
}

ProtobufLog::~ProtobufLog() {
  const std::lock_guard lock(listener.mutex);
  listener.log = nullptr;
  listener.count = nullptr;
}

}  // namespace adapters::log
