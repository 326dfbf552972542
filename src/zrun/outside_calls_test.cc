// SPDX-License-Identifier: Apache-2.0
#include "zrun/outside_calls.h"

#include <gtest/gtest.h>

namespace zrun {
namespace {

using namespace std::chrono_literals;
using stdx::Code;

struct Callers {
  ports::Metrics metrics;
  OutsideCalls calls{metrics};
  stdx::Instant now{1h};
  std::vector<stdx::Result<OutsideEnd>> ends;
  OutsideCalls::Space space{"id", "shop"};

  OutsideCalls::Asked asked(const std::string& id, bool wait = true) {
    return {space, id, wait ? std::optional(now + 30s) : std::nullopt,
            [this](stdx::Result<OutsideEnd> end) { ends.push_back(std::move(end)); }};
  }
  std::uint64_t begin(const std::string& id, bool wait = true) {
    const auto number = calls.begin(asked(id, wait), now);
    EXPECT_TRUE(number);
    return number.value_or(0);
  }
  OutsideCalls::Repeat repeat(const std::string& id, bool wait = true) {
    const auto known = calls.repeat(asked(id, wait), now);
    EXPECT_TRUE(known);
    return known.value_or(OutsideCalls::Repeat::no);
  }
  std::uint64_t count(const char* name) { return metrics.counter(name, "").value(); }
};

using Repeat = OutsideCalls::Repeat;

TEST(OutsideCallsTest, ACallerHearsTheAnswerOnce) {
  Callers c;
  const auto number = c.begin("");
  EXPECT_TRUE(c.calls.wants_answer(number));
  c.calls.answered(number, "yes", c.now);
  c.calls.handled(number, c.now);
  ASSERT_EQ(c.ends.size(), 1u);
  EXPECT_EQ(c.ends[0]->answer, "yes");
  EXPECT_FALSE(c.calls.wants_answer(number));
  EXPECT_EQ(c.calls.callers(), 0u);
  EXPECT_FALSE(c.calls.next_expiry()) << "nothing is kept of it";
}

TEST(OutsideCallsTest, AMessageThatNobodyWaitsForWantsNoAnswerAndCostsNothing) {
  Callers c;
  const auto number = c.begin("", false);
  EXPECT_NE(number, 0u);
  EXPECT_FALSE(c.calls.wants_answer(number));
  EXPECT_FALSE(c.calls.next_expiry());
}

TEST(OutsideCallsTest, ARepeatWhileTheFirstIsUnderWayWaitsForTheSameEnd) {
  Callers c;
  const auto number = c.begin("a");
  EXPECT_EQ(c.repeat("a"), Repeat::waits);
  EXPECT_EQ(c.repeat("a", false), Repeat::waits) << "one that does not wait is told that much";
  c.calls.answered(number, "yes", c.now);
  ASSERT_EQ(c.ends.size(), 2u);
  EXPECT_FALSE(c.ends[0]->repeated);
  EXPECT_TRUE(c.ends[1]->repeated);
  EXPECT_EQ(c.ends[1]->answer, "yes");
}

TEST(OutsideCallsTest, ARepeatAfterwardsGetsTheSameEndAlsoAFailure) {
  Callers c;
  c.calls.answered(c.begin("a"), "yes", c.now);
  c.calls.failed(c.begin("b"), {Code::failed, "trap"}, c.now);
  c.calls.handled(c.begin("c", false), c.now);
  c.ends.clear();
  for (const auto* id : {"a", "b", "c"}) EXPECT_EQ(c.repeat(id), Repeat::ended);
  ASSERT_EQ(c.ends.size(), 3u);
  EXPECT_EQ(c.ends[0]->answer, "yes");
  EXPECT_TRUE(c.ends[0]->repeated);
  EXPECT_EQ(c.ends[1].error().message, "trap");
  EXPECT_FALSE(c.ends[2]->answer);
  EXPECT_EQ(c.count("samoza_zrun_outside_repeats_total"), 3u);
}

TEST(OutsideCallsTest, IdsAreOfTheirSpace) {
  Callers c;
  c.begin("a");
  c.space.second = "other";
  EXPECT_EQ(c.repeat("a"), Repeat::no);
}

TEST(OutsideCallsTest, AnIdIsForgottenAfterTenMinutesOrWhenMoreCame) {
  Callers c;
  c.calls.handled(c.begin("old"), c.now);
  c.now += OutsideCalls::ids_last;
  EXPECT_EQ(c.repeat("old"), Repeat::no);
  for (std::size_t i = 0; i <= OutsideCalls::ids_max; ++i)
    c.calls.handled(c.begin("id" + std::to_string(i)), c.now);
  EXPECT_EQ(c.repeat("id0"), Repeat::no);
  EXPECT_EQ(c.repeat("id1"), Repeat::ended);
  ASSERT_TRUE(c.calls.next_expiry());
  EXPECT_EQ(*c.calls.next_expiry(), c.now + OutsideCalls::ids_last);
  c.calls.expire(*c.calls.next_expiry());
  EXPECT_FALSE(c.calls.next_expiry());
}

TEST(OutsideCallsTest, WhileAllItsIdsAreUnderWayASpaceTakesNoMore) {
  Callers c;
  std::uint64_t first = 0;
  for (std::size_t i = 0; i < OutsideCalls::ids_max; ++i) {
    const auto number = c.begin("id" + std::to_string(i), false);
    if (i == 0) first = number;
  }
  EXPECT_EQ(c.calls.begin(c.asked("more"), c.now).error().code, Code::full);
  EXPECT_EQ(c.count("samoza_zrun_outside_refused_total"), 1u);
  c.calls.handled(first, c.now);
  EXPECT_TRUE(c.calls.begin(c.asked("more"), c.now));
  EXPECT_EQ(c.repeat("id0"), Repeat::no) << "the oldest one that ended made room";
}

TEST(OutsideCallsTest, AnAnswerThatIsDroppedForItsSizeDoesNotBringItsMessageBack) {
  Callers c;
  const stdx::Bytes large(OutsideCalls::answer_bytes_max * 2 / 3, 'x');
  c.calls.answered(c.begin("a"), large, c.now);
  c.calls.answered(c.begin("b"), large, c.now);
  c.ends.clear();
  EXPECT_EQ(c.repeat("a"), Repeat::ended);
  EXPECT_EQ(c.repeat("b"), Repeat::ended);
  ASSERT_EQ(c.ends.size(), 2u);
  EXPECT_EQ(c.ends[0].error().code, Code::already_exists);
  EXPECT_EQ(c.ends[1]->answer, large);
}

TEST(OutsideCallsTest, AnswersOfAllSpacesTogetherAreBounded) {
  Callers c;
  const stdx::Bytes large(OutsideCalls::answer_bytes_max, 'x');
  const auto spaces = OutsideCalls::answers_bytes_max / OutsideCalls::answer_bytes_max + 1;
  for (std::size_t i = 0; i < spaces; ++i) {
    c.space.second = "s" + std::to_string(i);
    c.calls.answered(c.begin("a"), large, c.now);
  }
  c.ends.clear();
  for (const auto* space : {"s0", "s1"}) {
    c.space.second = space;
    EXPECT_EQ(c.repeat("a"), Repeat::ended);
  }
  ASSERT_EQ(c.ends.size(), 2u);
  EXPECT_FALSE(c.ends[0]) << "the oldest answer was dropped";
  EXPECT_TRUE(c.ends[1]);
}

TEST(OutsideCallsTest, ACallerThatWaitedLongEnoughIsToldThatTheMessageMayStillBeHandled) {
  Callers c;
  const auto number = c.begin("");
  c.begin("with-id");
  c.calls.expire(c.now + 30s - 1ms);
  EXPECT_TRUE(c.ends.empty());
  c.calls.expire(c.now + 30s);
  ASSERT_EQ(c.ends.size(), 2u);
  EXPECT_EQ(c.ends[0].error().code, Code::timeout);
  EXPECT_NE(c.ends[0].error().message.find("may still handle it"), std::string::npos);
  EXPECT_FALSE(c.calls.wants_answer(number)) << "nobody can hear of it any more";
  EXPECT_EQ(c.repeat("with-id"), Repeat::waits);
  EXPECT_EQ(c.count("samoza_zrun_outside_timeouts_total"), 2u);
}

TEST(OutsideCallsTest, AtItsBoundOfCallersAMessageIsRefusedAndCounted) {
  Callers c;
  for (std::size_t i = 0; i < OutsideCalls::callers_max; ++i) c.begin("");
  EXPECT_EQ(c.calls.begin(c.asked(""), c.now).error().code, Code::full);
  EXPECT_EQ(c.calls.begin(c.asked("id"), c.now).error().code, Code::full);
  EXPECT_TRUE(c.calls.begin(c.asked("", false), c.now)) << "one that nobody waits for";
  EXPECT_EQ(c.count("samoza_zrun_outside_refused_total"), 2u);
  EXPECT_EQ(c.repeat("id", false), Repeat::no) << "what was refused was not taken";
}

TEST(OutsideCallsTest, ASpaceThatLeavesFailsItsCallersAndItsIdsMeanNothingAnyMore) {
  Callers c;
  c.calls.handled(c.begin("done"), c.now);
  c.begin("open");
  c.begin("");
  c.ends.clear();
  c.calls.fail_space(c.space, {Code::unknown, "gone"}, c.now, true);
  EXPECT_EQ(c.ends.size(), 2u);
  for (const auto& end : c.ends) EXPECT_EQ(end.error().code, Code::unknown);
  EXPECT_EQ(c.repeat("done"), Repeat::no);
  EXPECT_EQ(c.repeat("open"), Repeat::no);
  EXPECT_FALSE(c.calls.next_expiry());
}

}  // namespace
}  // namespace zrun
