// SPDX-License-Identifier: Apache-2.0
#include "adapters/log_files/log_text.h"

#include <algorithm>

#include "stdx/text.h"

namespace adapters::log_files {
namespace {

void each_line(std::string_view text, const auto& f) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return;  // half a line
    f(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::string to_text(const ports::LogLine& line) {
  const bool plain = line.mex_version.find_first_of(" \n") == std::string::npos;
  const auto version = line.mex_version.empty() || !plain ? "" : "@" + line.mex_version;
  auto text = stdx::format("{} {} {} {} {} {}{} {}", line.at.time_since_epoch().count(), line.level,
                           line.epoch, line.run, line.restarts, line.seq, version, line.text);
  std::replace(text.begin(), text.end(), '\n', ' ');
  text += '\n';
  return text;
}

std::optional<ports::LogLine> parse_line(std::string_view text) {
  std::uint64_t values[6];
  std::string version;
  for (auto& value : values) {
    const auto end = text.find(' ');
    if (end == std::string_view::npos) return {};
    auto word = text.substr(0, end);
    if (const auto at = word.find('@'); at != word.npos && &value == &values[5]) {
      version = word.substr(at + 1);
      word = word.substr(0, at);
    }
    const auto number = stdx::parse_u64(word);
    if (!number) return {};
    value = *number;
    text.remove_prefix(end + 1);
  }
  constexpr auto ms_max = std::uint64_t{1} << 62;
  if (values[0] > ms_max || values[1] > 3 || values[3] > ~std::uint32_t{0}) return {};
  ports::LogLine line;
  line.at = stdx::WallTime(std::chrono::milliseconds(static_cast<std::int64_t>(values[0])));
  line.level = static_cast<std::int32_t>(values[1]);
  line.epoch = values[2];
  line.run = static_cast<std::uint32_t>(values[3]);
  line.restarts = values[4];
  line.seq = values[5];
  line.text = std::string(text);
  line.mex_version = std::move(version);
  return line;
}

std::vector<ports::LogLine> parse_file(std::string_view text) {
  std::vector<ports::LogLine> lines;
  each_line(text, [&](std::string_view line) {
    if (auto parsed = parse_line(line)) lines.push_back(std::move(*parsed));
  });
  return lines;
}

std::string shrunk(std::string_view text, std::size_t current_max, std::size_t former_max) {
  const auto lines = parse_file(text);
  const auto life = lines.empty() ? ports::LogLine().life() : lines.back().life();
  std::vector<std::string> kept;  // newest first
  std::size_t current = 0, former = 0;
  for (auto at = lines.rbegin(); at != lines.rend(); ++at) {
    auto line = to_text(*at);
    auto& bytes = at->life() == life ? current : former;
    const auto most = at->life() == life ? current_max : former_max;
    if (bytes + line.size() > most) {
      if (at->life() != life) break;
      bytes = most;  // nothing older of this life either
      continue;
    }
    bytes += line.size();
    kept.push_back(std::move(line));
  }
  std::string out;
  for (auto at = kept.rbegin(); at != kept.rend(); ++at) out += *at;
  return out;
}

}  // namespace adapters::log_files
