// SPDX-License-Identifier: Apache-2.0
// What a space says and senses: its log, and its sensors.
#include <algorithm>

#include "stdx/text.h"
#include "zrun/space.h"
#include "zrun/space_view.h"

namespace zrun {

using namespace std::chrono_literals;

std::size_t Space::print(Printed where, std::string_view text, std::size_t& lines) {
  if (!may_log_) return text.size();
  const auto index = static_cast<std::size_t>(where);
  return printed_[index].add(text, lines, [&](std::string_view line) {
    --lines;
    write_log(where == Printed::out ? 1 : 3, line);
  });
}

void Space::print_unfinished() {
  for (const int level : {1, 3})
    printed_[level / 2].flush([&](std::string_view line) { write_log(level, line); });
}

// Several lines of one call (a guest's, the backtrace of a trap) stay lines.
void Space::write_log(std::int32_t level, std::string_view text) {
  if (text.find('\n') == std::string_view::npos) return log_line(level, text);
  for (auto line : stdx::split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) log_line(level, line);
  }
}

void Space::log_line(std::int32_t level, std::string_view text) {
  const auto now = parts_.scheduler.now();
  if (now - log_second_ >= 1s) {
    log_second_ = now;
    log_bytes_ = 0;
  }
  log_bytes_ += text.size() + 1;
  if (log_bytes_ > spec().limits.log_bytes_per_second) {
    ++log_dropped_;
    return;
  }
  const auto line = stdx::printable(text, 4096);
  const int known_level = std::clamp(level, 0, 3);
  log_.push_back({.level = known_level,
                  .at = parts_.runtime.clock.wall(),
                  .epoch = id_.epoch.value,
                  .run = id_.run.value,
                  .restarts = restarts_,
                  .seq = ++log_seq_,
                  .text = line,
                  .mex_version = spec().mex_version});
  if (parts_.logs != nullptr) parts_.logs->append(id_.key, log_.back());
  log_kept_bytes_ += line.size();
  while (log_.size() > log_lines_kept || log_kept_bytes_ > log_bytes_kept) {
    log_kept_bytes_ -= log_.front().text.size();
    log_.pop_front();
  }
  const auto port_level = static_cast<ports::Level>(known_level);
  parts_.runtime.log.write(port_level, "guest_log",
                           {{"topology", id_.key.topology.value},
                            {"space", id_.key.space},
                            {"epoch", id_.epoch.value},
                            {"text", line}});
}

std::vector<std::string> Space::log_lines() const {
  std::vector<std::string> lines;
  for (const auto& line : log_) lines.push_back(text_of(line));
  return lines;
}

std::int32_t Space::open_sensor(const std::string& type) {
  if (sensors.size() >= sensors_max) return guest_abi::e_full;
  std::int32_t handle = 1;
  while (sensors.contains(handle)) ++handle;
  auto& open = sensors[handle];
  auto sensor = parts_.sensors.open(type, [this, handle](stdx::Bytes reading) {
    auto& readings = sensors.at(handle).readings;
    readings.push_back(std::move(reading));
    // The newest readings are the ones that matter; what a slow guest missed is gone.
    if (readings.size() > readings_kept) readings.pop_front();
    wake(Wait::sensor);
  });
  if (!sensor) {
    sensors.erase(handle);
    return guest_abi::e_not_found;
  }
  open.sensor = std::move(*sensor);
  return handle;
}

}  // namespace zrun
