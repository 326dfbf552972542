// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "stdx/prng.h"
#include "zrun/in_window.h"
#include "zrun/out_stream.h"

namespace zrun {
namespace {

MessagePtr message(MessagePool& pool, std::string text) {
  return pool.make(text);
}

TEST(OutStreamTest, MessagesAreKeptUntilTheyAreFinishedAndGoOutInOrder) {
  MessagePool pool;
  OutStream stream({});
  for (auto text : {"a", "b", "c"}) stream.push(message(pool, text));
  for (auto text : {"a", "b", "c"}) {
    EXPECT_EQ(stream.next()->payload, text);
    stream.sent();
  }
  EXPECT_FALSE(stream.next());
  stream.received(2);
  EXPECT_EQ(stream.unfinished(), 3u);
  stream.finished(2);
  EXPECT_EQ(stream.unfinished(), 1u);
  EXPECT_EQ(stream.first_unfinished(), 3u);
}

TEST(OutStreamTest, ANewReceiverGetsWhatIsNotFinishedMarkedAsRedelivered) {
  MessagePool pool;
  OutStream stream({});
  for (auto text : {"a", "b", "c"}) stream.push(message(pool, text));
  stream.sent();
  stream.sent();
  stream.finished(1);
  stream.restart();
  EXPECT_EQ(stream.next()->payload, "b");
  EXPECT_TRUE(stream.next()->redelivered);
  stream.sent();
  EXPECT_EQ(stream.next()->payload, "c");
  EXPECT_FALSE(stream.next()->redelivered) << "nobody can have seen it";
}

TEST(OutStreamTest, S7WhatWentOutBeforeTheWayWasLostIsMarkedWhatDidNotIsNot) {
  MessagePool pool;
  OutStream stream({});
  for (const char* text : {"a", "b", "c"}) stream.push(message(pool, text));
  stream.sent();
  stream.received(1);
  stream.sent();
  stream.rewind();
  EXPECT_EQ(stream.next()->payload, "b");
  EXPECT_TRUE(stream.next()->redelivered) << "a receiver that died since may have handled it";
  stream.sent();
  EXPECT_FALSE(stream.next()->redelivered) << "nobody can have seen it";
}

TEST(OutStreamTest, S8AtMostOnceNeverSendsASecondTime) {
  MessagePool pool;
  OutStream stream({.delivery = model::Delivery::at_most_once});
  stream.push(message(pool, "a"));
  stream.push(message(pool, "b"));
  stream.sent();
  stream.restart();
  stream.rewind();
  EXPECT_EQ(stream.next()->payload, "b");
  EXPECT_EQ(stream.unfinished(), 1u);
}

TEST(OutStreamTest, TheBoundIsOnWhatIsNotFinished) {
  MessagePool pool;
  OutStream stream({.messages_max = 2, .bytes_max = 10});
  stream.push(message(pool, "a"));
  EXPECT_FALSE(stream.full(1));
  EXPECT_TRUE(stream.full(10));
  stream.push(message(pool, "b"));
  EXPECT_TRUE(stream.full(1));
  stream.sent();
  EXPECT_TRUE(stream.full(1)) << "sent is not finished";
  stream.finished(1);
  EXPECT_FALSE(stream.full(1));
}

TEST(OutStreamTest, NumbersFromOutsideThatCannotBeAreIgnored) {
  MessagePool pool;
  OutStream stream({});
  stream.push(message(pool, "a"));
  stream.finished(9);
  stream.received(9);
  stream.resend_after(9);
  EXPECT_EQ(stream.unfinished(), 1u);
  EXPECT_EQ(stream.received(), 0u);
}

TEST(InWindowTest, S1AnOlderSenderIsRefusedOnceANewerOneWasTaken) {
  InWindow window;
  EXPECT_TRUE(window.open({2, 1}, 1));
  EXPECT_FALSE(window.open({1, 9}, 1));
  EXPECT_EQ(window.judge({1, 9}, 1, false), InWindow::Verdict::stale);
  EXPECT_TRUE(window.open({2, 2}, 1)) << "a later run of the same placement";
}

TEST(InWindowTest, RepeatsAndGapsAreTold) {
  InWindow window;
  window.open({1, 1}, 5);
  EXPECT_EQ(window.judge({1, 1}, 4, false), InWindow::Verdict::repeat);
  EXPECT_EQ(window.judge({1, 1}, 6, false), InWindow::Verdict::gap);
  EXPECT_EQ(window.judge({1, 1}, 5, false), InWindow::Verdict::take);
  window.took(5);
  EXPECT_EQ(window.judge({1, 1}, 5, false), InWindow::Verdict::repeat);
  EXPECT_TRUE(window.open({1, 1}, 3)) << "the same life, opened again";
  EXPECT_EQ(window.judge({1, 1}, 6, false), InWindow::Verdict::take);
}

// R-SEND, S6, S7: a stream and a window joined by a way that loses, with receivers that die: every
// message is finished at least once, in order within each receiver, unmarked ones at most once.
TEST(StreamPropertyTest, S7NothingIsLostAndUnmarkedMessagesCameOnce) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    stdx::Prng prng(seed);
    MessagePool pool;
    OutStream out({.messages_max = 20, .window = 8});
    InWindow in;
    const SenderGeneration life{1, 1};
    in.open(life, 1);
    std::uint64_t pushed = 0;
    std::map<std::string, int> seen, unmarked;
    std::vector<MessagePtr> mailbox;
    for (int step = 0; step < 5000; ++step) {
      if (pushed < 300 && !out.full(3) && prng.chance(1, 2))
        out.push(message(pool, std::to_string(++pushed)));
      if (auto next = out.next()) {
        out.sent();
        const bool lost = prng.chance(1, 10);
        const auto verdict = in.judge(life, next->seq, false);
        if (!lost && verdict == InWindow::Verdict::take && mailbox.size() < 5) {
          in.took(next->seq);
          mailbox.push_back(next);
        }
      }
      if (prng.chance(1, 3)) out.received(in.received());
      if (prng.chance(1, 20)) out.rewind();
      if (!mailbox.empty() && prng.chance(1, 2)) {
        const auto done = mailbox.front();
        mailbox.erase(mailbox.begin());
        ++seen[done->payload];
        if (!done->redelivered) ++unmarked[done->payload];
        in.finish(done->seq);
        if (prng.chance(3, 4)) out.finished(in.finished());
      }
      if (prng.chance(1, 100)) {  // the receiver dies; its next instance starts afresh
        mailbox.clear();
        in = {};
        out.restart();
        in.open(life, out.first_unfinished());
      }
    }
    while (out.unfinished() > 0) {
      out.rewind();
      while (auto next = out.next()) {
        out.sent();
        if (in.judge(life, next->seq, false) == InWindow::Verdict::take) {
          in.took(next->seq);
          ++seen[next->payload];
        }
        out.received(in.received());
      }
      for (auto& left : mailbox) ++seen[left->payload];
      mailbox.clear();
      out.finished(in.received());
    }
    for (std::uint64_t i = 1; i <= pushed; ++i) {
      ASSERT_GE(seen[std::to_string(i)], 1) << "seed " << seed << " message " << i;
      ASSERT_LE(unmarked[std::to_string(i)], 1) << "seed " << seed << " message " << i;
    }
  }
}

}  // namespace
}  // namespace zrun
