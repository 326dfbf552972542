// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/send_queue.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

namespace adapters::net {
namespace {

using ports::Urgency;

// The frames in a stream of bytes.
std::vector<std::string> frames(const std::string& bytes) {
  std::vector<std::string> list;
  for (std::size_t at = 0; at < bytes.size();) {
    std::uint32_t length = 0;
    std::memcpy(&length, bytes.data() + at, SendQueue::length_bytes);
    list.push_back(bytes.substr(at + SendQueue::length_bytes, length));
    at += SendQueue::length_bytes + length;
  }
  return list;
}

std::string send(SendQueue& queue, std::size_t most) {
  const std::string sent(queue.next(most));
  queue.consume(sent.size());
  return sent;
}

TEST(SendQueueTest, AnUrgentFrameGoesAheadOfThoseThatWait) {
  SendQueue queue;
  queue.push("one", Urgency::normal);
  queue.push("two", Urgency::normal);
  queue.push("lease", Urgency::urgent);
  queue.push("ping", Urgency::urgent);
  std::string sent;
  while (!queue.empty()) sent += send(queue, 1000);
  EXPECT_EQ(frames(sent), (std::vector<std::string>{"lease", "ping", "one", "two"}));
}

TEST(SendQueueTest, AnUrgentFrameWaitsForTheEndOfTheFrameThatIsUnderWay) {
  SendQueue queue;
  queue.push(std::string(100, 'a'), Urgency::normal);
  queue.push(std::string(100, 'b'), Urgency::normal);
  std::string sent = send(queue, 50);
  queue.push("lease", Urgency::urgent);
  EXPECT_EQ(queue.next(1000).size(), 104u - 50u);
  while (!queue.empty()) sent += send(queue, 1000);
  EXPECT_EQ(frames(sent),
            (std::vector<std::string>{std::string(100, 'a'), "lease", std::string(100, 'b')}));
}

TEST(SendQueueTest, TakingAllThatWaitsIsASwap) {
  SendQueue queue;
  queue.push("one", Urgency::normal);
  queue.push("two", Urgency::normal);
  std::string out;
  queue.take(out, 1000);
  EXPECT_EQ(frames(out), (std::vector<std::string>{"one", "two"}));
  EXPECT_TRUE(queue.empty());
  out.clear();
  queue.push("three", Urgency::normal);
  queue.take(out, 1000);
  EXPECT_EQ(frames(out), (std::vector<std::string>{"three"}));
}

TEST(SendQueueTest, WhateverTheSizesEachLaneArrivesWholeAndInOrder) {
  std::mt19937 random(7);
  SendQueue queue;
  std::vector<std::string> normal, urgent;
  std::string sent;
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 3 != 0) {
      std::string frame = std::to_string(step) + std::string(random() % 300, '.');
      const bool is_urgent = random() % 4 == 0;
      frame.insert(0, is_urgent ? "u" : "n");
      queue.push(frame, is_urgent ? Urgency::urgent : Urgency::normal);
      (is_urgent ? urgent : normal).push_back(std::move(frame));
    } else if (random() % 2 == 0) {
      sent += send(queue, 1 + random() % 700);
    } else {
      std::string out;
      queue.take(out, 1 + random() % 700);
      sent += out;
    }
  }
  while (!queue.empty()) sent += send(queue, 1 + random() % 700);
  std::vector<std::string> normal_sent, urgent_sent;
  for (auto& frame : frames(sent)) (frame[0] == 'u' ? urgent_sent : normal_sent).push_back(frame);
  EXPECT_EQ(normal_sent, normal);
  EXPECT_EQ(urgent_sent, urgent);
}

}  // namespace
}  // namespace adapters::net
