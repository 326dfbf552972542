// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a guest prints, as lines: an unfinished one waits for its end.

#include <functional>
#include <string>
#include <string_view>

namespace zrun {

class LineBuffer {
 public:
  static constexpr std::size_t line_bytes_max = 4096;
  using Line = std::function<void(std::string_view)>;

  // Takes `text` until it made `lines_max` lines, and gives how many bytes it took. A line that is
  // too long is cut into several; an empty one is dropped.
  std::size_t add(std::string_view text, std::size_t lines_max, const Line& line);
  // The unfinished line, if there is one.
  void flush(const Line& line);

 private:
  std::string unfinished_;
};

}  // namespace zrun
