// SPDX-License-Identifier: Apache-2.0
#include "stdx/near_miss.h"

#include <algorithm>
#include <array>

#include "stdx/text.h"

namespace stdx {
namespace {

std::size_t edits_max(std::size_t length) {
  return length <= 1 ? 0 : length <= 3 ? 1 : length <= 7 ? 2 : 3;
}

// The edits between the two, or `limit` where there are at least so many.
std::size_t edits(std::string_view a, std::string_view b, std::size_t limit) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() >= limit) return limit;
  using Row = std::array<std::size_t, NearMiss::word_bytes_max + 4>;
  Row before{}, last{}, row{};
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    auto least = row[0];
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
      least = std::min(least, row[j]);
    }
    if (least >= limit) return limit;
    before = last;
    last = row;
  }
  return std::min(last[b.size()], limit);
}

bool begins(std::string_view a, std::string_view b) {
  const auto shorter = std::min(a.size(), b.size());
  return shorter >= 3 && a.substr(0, shorter) == b.substr(0, shorter);
}

}  // namespace

NearMiss::NearMiss(std::string_view word)
    : word_(word.size() <= word_bytes_max ? word : ""), best_(edits_max(word.size()) + 1) {}

void NearMiss::consider(std::string_view candidate) {
  if (word_.empty() || candidate.empty() || ++compared_ > candidates_max) return;
  // The row of the distance has room for the longest word and its edits.
  if (candidate.size() <= word_bytes_max + 3) {
    if (const auto n = edits(word_, candidate, best_); n < best_) {
      best_ = n;
      found_ = candidate;
      return;
    }
  }
  if (found_.empty() && begins(word_, candidate)) found_ = candidate;
}

std::string NearMiss::hint() const {
  return found_.empty() ? "" : format("; did you mean '{}'?", printable(found_, 80));
}

}  // namespace stdx
