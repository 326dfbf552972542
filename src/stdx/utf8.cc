// SPDX-License-Identifier: Apache-2.0
#include "stdx/utf8.h"

namespace stdx {

bool is_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  while (!text.empty()) {
    const auto first = byte(0);
    const std::size_t bytes = first < 0x80                     ? 1
                              : first >= 0xc2 && first < 0xe0  ? 2
                              : first >= 0xe0 && first < 0xf0  ? 3
                              : first >= 0xf0 && first <= 0xf4 ? 4
                                                               : 0;
    if (bytes == 0 || text.size() < bytes) return false;
    for (std::size_t i = 1; i < bytes; ++i)
      if ((byte(i) & 0xc0) != 0x80) return false;
    // Longer than need be, half of a pair of UTF-16, past the last character.
    if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) >= 0xa0) ||
        (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) >= 0x90))
      return false;
    text.remove_prefix(bytes);
  }
  return true;
}

}  // namespace stdx
