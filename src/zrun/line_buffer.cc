// SPDX-License-Identifier: Apache-2.0
#include "zrun/line_buffer.h"

#include <algorithm>

namespace zrun {

std::size_t LineBuffer::add(std::string_view text, std::size_t lines_max, const Line& line) {
  const auto all = text.size();
  for (std::size_t lines = 0; !text.empty() && lines < lines_max;) {
    const auto end = text.find('\n');
    const auto n = std::min({end, text.size(), line_bytes_max - unfinished_.size()});
    unfinished_ += text.substr(0, n);
    text.remove_prefix(n);
    const bool ended = end == n;
    if (ended) text.remove_prefix(1);
    if (!ended && unfinished_.size() < line_bytes_max) break;
    if (unfinished_.ends_with('\r')) unfinished_.pop_back();
    if (!unfinished_.empty()) ++lines;
    flush(line);
  }
  return all - text.size();
}

void LineBuffer::flush(const Line& line) {
  if (!unfinished_.empty()) line(unfinished_);
  unfinished_.clear();
}

}  // namespace zrun
