// SPDX-License-Identifier: Apache-2.0
// The guests' own C code over a small ABI in memory with virtual time: spaces are killed at moments
// chosen by seed, their mailboxes and timers lost with them; only what data_put_many took stays.
#include <gtest/gtest.h>
#include <stdint.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <map>
#include <deque>
#define SAMOZA_H
#define SAMOZA_EXPORT(x)
#define SAMOZA_E_NOT_FOUND (-2)
using Msg = std::string;
static int cur;
static uint64_t T;
static std::deque<Msg> box[5];
static std::multimap<uint64_t, std::pair<int, Msg>> timers;
static std::map<std::string, std::string> db;
static std::string answer_;
struct samoza_message;
int sys_self_emit(const void* d, int n, int ms) {
  timers.insert({T + ms, {cur, Msg((const char*)d, n)}});
  return 0;
}
int net_emit_to(const char* p, int pn, const void* d, int n, int) {
  static std::map<std::string, int> to = {
      {"source-a", 1}, {"source-b", 2}, {"a-source", 0}, {"b-source", 0}, {"a-store", 3},
      {"b-store", 3},  {"store-a", 1},  {"store-b", 2},  {"live", 4},     {"answer", 4}};
  std::string s(p, pn);
  if (s == "answer") answer_.assign((const char*)d, n);
  int k = to.at(s);
  if (k == 4) return 0;
  if (box[k].size() >= 500) return -4;
  box[k].push_back(Msg((const char*)d, n));
  return 0;
}
int net_recv_next(void* b, int c, samoza_message*, int) {
  auto& q = box[cur];
  if (q.empty()) return -5;
  int n = q.front().size();
  if (n > c) abort();
  memcpy(b, q.front().data(), n);
  q.pop_front();
  return n;
}
int data_get(const void* k, int n, void* b, int c) {
  auto i = db.find(std::string((const char*)k, n));
  if (i == db.end()) return -2;
  memcpy(b, i->second.data(), i->second.size());
  return i->second.size();
}
int data_put_many(const void* e, int n) {
  const char *p = (const char*)e, *z = p + n;
  while (p < z) {
    uint32_t a, b;
    memcpy(&a, p, 4);
    memcpy(&b, p + 4, 4);
    db[std::string(p + 8, a)] = std::string(p + 8 + a, b);
    p += 8 + a + b;
  }
  if (p != z) abort();
  return 0;
}
int samoza_clock_time_get(int, int64_t, uint64_t* n) {
  *n = T * 1000000;
  return 0;
}
int samoza_environ_sizes_get(uint32_t* c, uint32_t* b) {
  *c = 2;
  *b = 30;
  return 0;
}
int samoza_environ_get(char** e, char* t) {
  strcpy(t, "RATE=1000");
  strcpy(t + 10, "COUNT=9000");
  e[0] = t;
  e[1] = t + 10;
  return 0;
}
#define S "examples/anomaly/spaces/"
namespace src {
#include "examples/anomaly/spaces/source/src/source.c"
void reset() {
  next[0] = next[1] = 0;
  given = 0;
}
}  // namespace src
#undef ANOMALY_COMMON_H
#define RESETW                            \
  void reset() {                          \
    expected = head = count = behind = 0; \
  }
namespace wa {
#include "examples/anomaly/spaces/worker-a/src/worker.c"
RESETW
}  // namespace wa
#undef ANOMALY_COMMON_H
#undef LANE
#undef TO_SOURCE
#undef TO_STORE
namespace wb {
#include "examples/anomaly/spaces/worker-b/src/worker.c"
RESETW
}  // namespace wb
#undef ANOMALY_COMMON_H
namespace st {
#include "examples/anomaly/spaces/store/src/store.c"
void reset() {
  meta = {{1, 2}, 0, 0};
  gap[0] = gap[1] = 1;
  shown = 0;
}
}  // namespace st
static void init(int k) {
  cur = k;
  box[k].clear();
  for (auto i = timers.begin(); i != timers.end();)
    i = i->second.first == k ? timers.erase(i) : std::next(i);
  if (k == 0) src::reset(), src::on_init();
  if (k == 1) wa::reset(), wa::on_init();
  if (k == 2) wb::reset(), wb::on_init();
  if (k == 3) st::reset(), st::on_init();
}
static void proc(int k) {
  cur = k;
  int (*f[])() = {src::on_process, wa::on_process, wb::on_process, st::on_process};
  f[k]();
}
static std::string ask(const char* q) {
  answer_ = "";
  box[3].push_front(q);
  proc(3);
  return answer_;
}

struct Outcome {
  std::string status, anomalies;
};
static Outcome run(unsigned seed) {
  srand(seed);
  timers.clear();
  db.clear();
  T = 0;
  for (int k : {3, 1, 2, 0}) init(k);
  for (; T < 40000; T++) {
    while (!timers.empty() && timers.begin()->first <= T) {
      auto due = timers.begin()->second;
      timers.erase(timers.begin());
      box[due.first].push_back(due.second);
    }
    for (int round = 0; round < 4; round++)
      for (int k = 0; k < 4; k++)
        for (int turns = rand() % 4; turns > 0 && !box[k].empty(); turns--) proc(k);
    if (seed && T < 12000 && rand() % 700 == 0) init(rand() % 4);
  }
  Outcome outcome{ask("status"), ""};
  for (std::string next = "0"; !next.empty();) {
    const auto page = ask(("anomalies " + next).c_str());
    const auto more = page.find("more ");
    outcome.anomalies += page.substr(0, more);
    next = more == page.npos ? "" : page.substr(more + 5, page.size() - more - 6);
  }
  return outcome;
}

TEST(AnomalyRecoveryTest, WhateverIsKilledEachReadingHasOneResultAndTheAnomaliesAreTheSame) {
  const auto undisturbed = run(0);
  EXPECT_EQ(undisturbed.status.rfind("results 9000 repeats 0 anomalies ", 0), 0u);
  EXPECT_GT(undisturbed.anomalies.size(), 200u);
  for (unsigned seed = 1; seed <= 20; seed++) {
    const auto killed = run(seed);
    EXPECT_EQ(killed.status.rfind("results 9000 ", 0), 0u) << "seed " << seed;
    EXPECT_EQ(killed.anomalies, undisturbed.anomalies) << "seed " << seed;
  }
}
