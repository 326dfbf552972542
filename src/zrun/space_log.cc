// SPDX-License-Identifier: Apache-2.0
#include "zrun/space_log.h"

#include <algorithm>

#include "stdx/text.h"

namespace zrun {

using namespace std::chrono_literals;

std::size_t SpaceLog::print(Printed where, std::string_view text, std::size_t& lines) {
  if (!may_log_) return text.size();
  const auto index = static_cast<std::size_t>(where);
  return printed_[index].add(text, lines, [&](std::string_view line) {
    --lines;
    write(where == Printed::out ? 1 : 3, line);
  });
}

void SpaceLog::print_unfinished() {
  for (const int level : {1, 3})
    printed_[level / 2].flush([&](std::string_view line) { write(level, line); });
}

// Several lines of one call (a guest's, the backtrace of a trap) stay lines.
void SpaceLog::write(std::int32_t level, std::string_view text) {
  if (text.find('\n') == std::string_view::npos) return add_line(level, text);
  for (auto line : stdx::split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) add_line(level, line);
  }
}

void SpaceLog::add_line(std::int32_t level, std::string_view text) {
  const auto now = parts_.scheduler.now();
  if (now - second_ >= 1s) {
    second_ = now;
    second_bytes_ = 0;
  }
  second_bytes_ += text.size() + 1;
  if (second_bytes_ > spec_.limits.log_bytes_per_second) {
    ++dropped_;
    return;
  }
  const auto line = stdx::printable(text, 4096);
  const int known_level = std::clamp(level, 0, 3);
  lines_.push_back({.level = known_level,
                    .at = parts_.runtime.clock.wall(),
                    .epoch = id_.epoch.value,
                    .run = id_.run.value,
                    .restarts = restarts_,
                    .seq = ++seq_,
                    .text = line,
                    .mex_version = spec_.mex_version});
  if (parts_.disk != nullptr) parts_.disk->append(id_.key, lines_.back());
  kept_bytes_ += line.size();
  while (lines_.size() > lines_kept || kept_bytes_ > bytes_kept) {
    kept_bytes_ -= lines_.front().text.size();
    lines_.pop_front();
  }
  const auto port_level = static_cast<ports::Level>(known_level);
  parts_.runtime.log.write(port_level, "guest_log",
                           {{"topology", id_.key.topology.value},
                            {"space", id_.key.space},
                            {"epoch", id_.epoch.value},
                            {"text", line}});
}

}  // namespace zrun
