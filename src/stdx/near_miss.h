// SPDX-License-Identifier: Apache-2.0
#pragma once

// "Did you mean …?": of many candidates the one nearest to a word that fits none of them. The edit
// distance counts letters added, left out, replaced, or swapped with their neighbour. One to three
// edits are near, depending on the word's length; so is a word that begins with the candidate or
// the other way round. Bounded: words past 64 bytes are near nothing, and after 5,000 candidates no
// more are compared.

#include <string>
#include <string_view>

namespace stdx {

class NearMiss {
 public:
  static constexpr std::size_t word_bytes_max = 64;
  static constexpr std::size_t candidates_max = 5'000;

  explicit NearMiss(std::string_view word);
  void consider(std::string_view candidate);
  const std::string& found() const { return found_; }  // empty: none is near
  // "; did you mean 'x'?", or nothing.
  std::string hint() const;

 private:
  std::string word_, found_;
  std::size_t best_;  // edits that still count: fewer than this
  std::size_t compared_ = 0;
};

// The hint for `word` among all of `candidates`.
template <typename Candidates>
std::string did_you_mean(std::string_view word, const Candidates& candidates) {
  NearMiss miss(word);
  for (const auto& candidate : candidates) miss.consider(candidate);
  return miss.hint();
}

}  // namespace stdx
