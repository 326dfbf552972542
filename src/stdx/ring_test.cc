// SPDX-License-Identifier: Apache-2.0
#include "stdx/ring.h"

#include <gtest/gtest.h>

#include <deque>

#include "stdx/prng.h"

namespace stdx {
namespace {

TEST(RingTest, ItBehavesAsADequeWhateverIsDoneToIt) {
  Prng prng(4);
  Ring<int> ring;
  std::deque<int> model;
  for (int i = 0; i < 20'000; ++i) {
    switch (prng.below(4)) {
      case 0:
      case 1:
        ring.push_back(i);
        model.push_back(i);
        break;
      case 2:
        ring.push_front(i);
        model.push_front(i);
        break;
      default:
        if (model.empty()) break;
        ASSERT_EQ(ring.pop_front(), model.front());
        model.pop_front();
        if (prng.chance(1, 200)) {
          ring.clear();
          model.clear();
        }
    }
    ASSERT_EQ(ring.size(), model.size());
    if (!model.empty()) {
      const auto at = prng.below(model.size());
      ASSERT_EQ(ring[at], model[at]);
    }
  }
}

}  // namespace
}  // namespace stdx
