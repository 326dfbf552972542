// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/http_seats.h"

#include <gtest/gtest.h>

namespace adapters::net {
namespace {

TEST(HttpSeatsTest, TheConnectionThatHasWaitedLongestMakesRoomForANewOne) {
  HttpSeats seats({.total = 3, .of_one_source = 3, .uploads = 1});
  const auto a = *seats.arrive("x").seat, b = *seats.arrive("x").seat, c = *seats.arrive("y").seat;
  seats.waits(a);  // bytes of it came
  const auto d = seats.arrive("z");
  ASSERT_TRUE(d.seat);
  EXPECT_EQ(d.leaves, b);
  seats.works(c);
  EXPECT_EQ(seats.arrive("z").leaves, a) << "the other one is at work";
  EXPECT_EQ(seats.taken(), 3u);
}

TEST(HttpSeatsTest, OneSourceCannotHaveThemAllAndMakesRoomItself) {
  HttpSeats seats({.total = 3, .of_one_source = 2, .uploads = 1});
  const auto other = *seats.arrive("y").seat;
  const auto a = *seats.arrive("x").seat;
  seats.arrive("x");
  const auto third = seats.arrive("x");
  EXPECT_EQ(third.leaves, a) << "though another source has waited for longer";
  seats.leave(other);
  EXPECT_EQ(seats.arrive("y").leaves, std::nullopt) << "there is room for another source";
}

TEST(HttpSeatsTest, WhereEveryoneIsAtWorkANewOneIsTurnedAway) {
  HttpSeats seats({.total = 2, .of_one_source = 2, .uploads = 1});
  const auto a = *seats.arrive("x").seat, b = *seats.arrive("x").seat;
  seats.works(a);
  seats.works(b);
  EXPECT_FALSE(seats.arrive("x").seat);
  EXPECT_FALSE(seats.arrive("y").seat);
  EXPECT_EQ(seats.taken(), 2u);
  seats.leave(a);
  seats.leave(a);
  const auto next = seats.arrive("y").seat;
  ASSERT_TRUE(next);
  seats.waits(b);
  EXPECT_EQ(seats.arrive("z").leaves, next);
  EXPECT_EQ(seats.arrive("z").leaves, b) << "idle again, between two requests";
}

TEST(HttpSeatsTest, LargeUploadsAreFewAndEachEndsOnce) {
  HttpSeats seats({.total = 9, .of_one_source = 9, .uploads = 2});
  const auto a = *seats.arrive("x").seat, b = *seats.arrive("x").seat, c = *seats.arrive("x").seat;
  EXPECT_TRUE(seats.begin_upload(a));
  EXPECT_TRUE(seats.begin_upload(b));
  EXPECT_FALSE(seats.begin_upload(c));
  seats.end_upload(a);
  seats.end_upload(a);
  EXPECT_TRUE(seats.begin_upload(c));
  EXPECT_FALSE(seats.begin_upload(a));
  seats.leave(b);
  EXPECT_TRUE(seats.begin_upload(a));
  EXPECT_FALSE(seats.begin_upload(b)) << "it has left";
}

}  // namespace
}  // namespace adapters::net
