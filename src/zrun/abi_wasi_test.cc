// SPDX-License-Identifier: Apache-2.0
// The WASI shim as a guest sees it: what ordinary toolchains need, and nothing beyond.
#include <gtest/gtest.h>

#include <cstring>

#include "guest_abi/table.h"
#include "zrun/space_view.h"
#include "zrun/testing/fake_cluster.h"

namespace zrun {
namespace {

constexpr std::int32_t ok = 0, e_badf = 8, e_fault = 21, e_inval = 28, e_nosys = 52, e_notdir = 54,
                       e_notsock = 57, e_spipe = 70;
constexpr std::uint64_t past_the_end = simkit::StubGuest::memory_bytes - 2;

// Makes the calls one after the other, once, and keeps what each gave.
class Caller final : public simkit::StubGuest {
 public:
  Caller(std::vector<simkit::GuestCall> calls, std::vector<std::int32_t>& results,
         stdx::Bytes& seen)
      : calls_(std::move(calls)), results_(results), seen_(seen) {
    memory.replace(100, 6, "hello\n");
    memory.replace(110, 24, "one\ntwo\n\nunfinished, and");
    put(200, {100, 6});  // an iovec
    put(208, {static_cast<std::uint32_t>(past_the_end), 6});
    put(216, {110, 24});
    subscribe(1000, 7, 0, 1, 50'000'000, 0);  // the monotonic clock, in 50 ms
    // Together: in an hour; standard output; descriptor 9; in a moment.
    subscribe(2000, 1, 0, 1, 3'600'000'000'000, 0);
    subscribe(2048, 2, 2, 1, 0, 0);
    subscribe(2096, 3, 1, 9, 0, 0);
    // In an hour; in 20 ms; in 20 ms too.
    subscribe(3000, 1, 0, 1, 3'600'000'000'000, 0);
    subscribe(3048, 2, 0, 1, 20'000'000, 0);
    subscribe(3096, 3, 0, 1, 20'000'000, 0);
    subscribe(4000, 4, 0, 0, 1, 1);      // at a time that has been, of the realtime clock
    subscribe(4048, 5, 0, 17, 1, 0);     // a clock that is not there
    subscribe(4096, 6, 0, 1, ~0ull, 0);  // never
  }
  std::optional<simkit::GuestCall> next(std::int32_t result) override {
    if (step_ > 0 && step_ <= calls_.size()) {
      results_.push_back(result);
      seen_ = memory;
    }
    if (step_ >= calls_.size()) {
      ++step_;
      return sleep(1000);
    }
    auto call = calls_[step_++];
    call.function = "wasi_snapshot_preview1." + call.function;
    return call;
  }

 private:
  void subscribe(std::size_t at, std::uint64_t user_data, std::uint8_t kind, std::uint32_t id,
                 std::uint64_t ns, std::uint16_t flags) {
    std::memcpy(memory.data() + at, &user_data, 8);
    memory[at + 8] = static_cast<char>(kind);
    std::memcpy(memory.data() + at + 16, &id, 4);
    std::memcpy(memory.data() + at + 24, &ns, 8);
    std::memcpy(memory.data() + at + 40, &flags, 2);
  }
  void put(std::size_t at, std::vector<std::uint32_t> words) {
    std::memcpy(memory.data() + at, words.data(), words.size() * 4);
  }
  std::vector<simkit::GuestCall> calls_;
  std::vector<std::int32_t>& results_;
  stdx::Bytes& seen_;
  std::size_t step_ = 0;
};

struct OneGuest : FakeCluster {
  std::vector<std::int32_t> results;
  stdx::Bytes memory;
  explicit OneGuest(std::vector<simkit::GuestCall> calls, bool may_log = true)
      : FakeCluster(1, {"a"}) {
    auto& space = disk.topology.spaces.emplace_back();
    disk.topology.name = "flow";
    disk.topology.owner = "test";
    space.name = space.entry = "guest";
    if (may_log) space.capabilities = {"sys.log"};
    space.config = {{"RATE", "10"}, {"X", ""}};
    model::normalize(disk.topology);
    guests = [this, calls](const std::string&) {
      return std::make_unique<Caller>(calls, results, memory);
    };
    start_zrun("a");
    world.run_for(200ms);
    EXPECT_EQ(place("guest", "a", 1), "accepted");
    EXPECT_TRUE(world.run_until_true([&] { return results.size() >= calls.size(); }, 5s));
  }
  const Space& space() { return *zrun["a"]->service->spaces().space(id, "guest"); }
  std::uint32_t word(std::size_t at) const {
    std::uint32_t value = 0;
    std::memcpy(&value, memory.data() + at, sizeof value);
    return value;
  }
};

// R-ABI-7: fd_write of WASI.
TEST(AbiWasiTest, WhatIsWrittenToStandardOutputAndErrorGoesToTheLogOfTheSpace) {
  OneGuest cluster({{"fd_write", {1, 200, 1, 300}}, {"fd_write", {2, 200, 1, 304}}});
  EXPECT_EQ(cluster.results, (std::vector<std::int32_t>{ok, ok}));
  EXPECT_EQ(cluster.word(300), 6u);
  ASSERT_EQ(texts_of(cluster.space().log()).size(), 2u);
  EXPECT_NE(texts_of(cluster.space().log())[0].find("hello"), std::string::npos);
}

TEST(AbiWasiTest, PrintingNeedsTheCapabilityOfSysLog) {
  OneGuest cluster({{"fd_write", {1, 200, 1, 300}}}, /*may_log=*/false);
  EXPECT_EQ(cluster.results.at(0), ok) << "a library that prints goes on";
  EXPECT_TRUE(texts_of(cluster.space().log()).empty());
}

TEST(AbiWasiTest, SeveralLinesOfOneWriteStayLinesAndAnUnfinishedOneWaitsForItsEnd) {
  OneGuest cluster({{"fd_write", {1, 216, 1, 300}}, {"fd_write", {1, 200, 1, 300}}});
  const auto& lines = texts_of(cluster.space().log());
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_TRUE(lines[0].ends_with(" one"));
  EXPECT_TRUE(lines[1].ends_with(" two"));
  EXPECT_TRUE(lines[2].ends_with(" unfinished, andhello")) << lines[2];
}

TEST(AbiWasiTest, AnUnfinishedLineIsWrittenWhenTheInstanceEnds) {
  OneGuest cluster({{"fd_write", {2, 216, 1, 300}}});
  EXPECT_EQ(texts_of(cluster.space().log()).size(), 2u);
  const_cast<Space&>(cluster.space()).stop("enough");
  ASSERT_EQ(texts_of(cluster.space().log()).size(), 3u);
  EXPECT_TRUE(texts_of(cluster.space().log())[2].ends_with(" unfinished, and"));
}

// What an open descriptor does not offer, by the calls with which toolchains meet it.
TEST(AbiWasiTest, RAbi7WhatIsNotOfferedAnswersItsErrorAtTheCall) {
  const std::pair<simkit::GuestCall, std::int32_t> calls[] = {
      {{"fd_advise", {1, 0, 0, 0}}, e_spipe},
      {{"fd_allocate", {1, 0, 0}}, e_nosys},
      {{"fd_close", {1}}, e_nosys},
      {{"fd_datasync", {1}}, e_inval},
      {{"fd_fdstat_set_flags", {1, 4}}, ok},
      {{"fd_fdstat_set_rights", {1, 0, 0}}, e_nosys},
      {{"fd_filestat_get", {1, 300}}, ok},
      {{"fd_filestat_set_size", {1, 0}}, e_inval},
      {{"fd_filestat_set_times", {1, 0, 0, 0}}, e_nosys},
      {{"fd_pread", {1, 200, 1, 0, 300}}, e_spipe},
      {{"fd_prestat_dir_name", {3, 300, 8}}, e_badf},
      {{"fd_prestat_get", {3, 300}}, e_badf},
      {{"fd_pwrite", {1, 200, 1, 0, 300}}, e_spipe},
      {{"fd_read", {0, 200, 1, 300}}, ok},
      {{"fd_read", {1, 200, 1, 300}}, e_badf},
      {{"fd_readdir", {1, 400, 10, 0, 300}}, e_notdir},
      {{"fd_renumber", {1, 2}}, e_nosys},
      {{"fd_seek", {1, 0, 0, 300}}, e_spipe},
      {{"fd_sync", {1}}, e_inval},
      {{"fd_tell", {1, 300}}, e_spipe},
      {{"path_create_directory", {1, 100, 5}}, e_notdir},
      {{"path_filestat_get", {1, 0, 100, 5, 300}}, e_notdir},
      {{"path_filestat_set_times", {1, 0, 100, 5, 0, 0, 0}}, e_notdir},
      {{"path_link", {1, 0, 100, 5, 1, 100, 5}}, e_notdir},
      {{"path_open", {1, 0, 100, 5, 0, 0, 0, 0, 300}}, e_notdir},
      {{"path_open", {3, 0, 100, 5, 0, 0, 0, 0, 300}}, e_badf},
      {{"path_readlink", {1, 100, 5, 400, 5, 300}}, e_notdir},
      {{"path_remove_directory", {1, 100, 5}}, e_notdir},
      {{"path_rename", {1, 100, 5, 1, 100, 5}}, e_notdir},
      {{"path_symlink", {100, 5, 1, 100, 5}}, e_notdir},
      {{"path_symlink", {100, 5, 7, 100, 5}}, e_badf},
      {{"path_unlink_file", {1, 100, 5}}, e_notdir},
      {{"proc_raise", {6}}, e_nosys},
      {{"sock_accept", {1, 0, 300}}, e_notsock},
      {{"sock_recv", {1, 200, 1, 0, 300, 304}}, e_notsock},
      {{"sock_send", {1, 200, 1, 0, 300}}, e_notsock},
      {{"sock_shutdown", {1, 0}}, e_notsock},
      {{"fd_write", {3, 200, 1, 300}}, e_badf},
      {{"fd_close", {3}}, e_badf},
      {{"sock_send", {9, 200, 1, 0, 300}}, e_badf},
      {{"fd_fdstat_get", {3, 300}}, e_badf},
      {{"fd_fdstat_get", {1, 300}}, ok}};
  std::vector<simkit::GuestCall> list;
  for (const auto& [call, answer] : calls) list.push_back(call);
  OneGuest cluster(list);
  ASSERT_EQ(cluster.results.size(), std::size(calls));
  for (std::size_t i = 0; i < std::size(calls); ++i)
    EXPECT_EQ(cluster.results[i], calls[i].second) << calls[i].first.function << ", call " << i;
  EXPECT_EQ(cluster.memory[300], 2) << "a character device";
}

TEST(AbiWasiTest, RAbi7AllOfPreview1IsInTheTable) {
  std::size_t count = 0;
  for (const auto& f : guest_abi::functions()) count += f.module == guest_abi::wasi_module;
  EXPECT_EQ(count, 46u) << "functions of wasi_snapshot_preview1";
}

TEST(AbiWasiTest, PollReportsAllThatIsDueAndNothingElse) {
  OneGuest now({{"poll_oneoff", {2000, 1100, 3, 1200}}});
  EXPECT_EQ(now.results.at(0), ok);
  EXPECT_EQ(now.word(1200), 2u) << "standard output, and a descriptor that is not there";
  EXPECT_EQ(now.word(1100), 2u) << "user data of the first event";
  EXPECT_EQ(now.word(1108), 0u | 2u << 16) << "no error, kind fd_write";
  EXPECT_EQ(now.word(1132), 3u);
  EXPECT_EQ(now.word(1140), 8u | 1u << 16) << "EBADF, kind fd_read";

  OneGuest later({{"clock_time_get", {1, 1, 300}},
                  {"poll_oneoff", {3000, 1100, 3, 1200}},
                  {"clock_time_get", {1, 1, 308}}});
  EXPECT_EQ(later.word(1200), 2u) << "both that are due then";
  EXPECT_EQ(later.word(1100), 2u);
  EXPECT_EQ(later.word(1132), 3u);
  EXPECT_GE(later.word(308) - later.word(300), 20'000'000u);
  EXPECT_LT(later.word(308) - later.word(300), 1'000'000'000u);

  OneGuest odd({{"poll_oneoff", {4000, 1100, 3, 1200}}});
  EXPECT_EQ(odd.word(1200), 2u) << "a time that has been, and a clock that is not there";
  EXPECT_EQ(odd.word(1100), 4u);
  EXPECT_EQ(odd.word(1132), 5u);
  EXPECT_EQ(odd.word(1140), 28u) << "EINVAL";
}

// R-ABI-7: args and environment of WASI.
TEST(AbiWasiTest, TheConfigurationIsTheEnvironmentAndTheNameOfTheSpaceTheOneArgument) {
  OneGuest cluster({{"environ_sizes_get", {300, 304}},
                    {"environ_get", {400, 500}},
                    {"args_sizes_get", {308, 312}},
                    {"args_get", {600, 700}}});
  EXPECT_EQ(cluster.results, (std::vector<std::int32_t>{ok, ok, ok, ok}));
  EXPECT_EQ(cluster.word(300), 2u);
  EXPECT_EQ(cluster.word(304), 11u);
  EXPECT_EQ(cluster.memory.substr(500, 11), stdx::Bytes("RATE=10\0X=\0", 11));
  EXPECT_EQ(cluster.word(400), 500u);
  EXPECT_EQ(cluster.word(404), 508u);
  EXPECT_EQ(cluster.word(308), 1u);
  EXPECT_EQ(cluster.word(312), 6u);
  EXPECT_EQ(cluster.memory.substr(cluster.word(600), 6), stdx::Bytes("guest\0", 6));
}

// R-ABI-7: clock and random numbers of WASI.
TEST(AbiWasiTest, ClocksSleepAndRandomComeFromThePortsOfTheZhost) {
  OneGuest cluster({{"clock_time_get", {1, 1, 300}},
                    {"poll_oneoff", {1000, 1100, 1, 1200}},
                    {"clock_time_get", {1, 1, 308}},
                    {"clock_time_get", {7, 1, 316}},
                    {"clock_res_get", {1, 328}},
                    {"clock_res_get", {7, 328}},
                    {"random_get", {320, 8}},
                    {"sched_yield", {}}});
  EXPECT_EQ(cluster.results, (std::vector<std::int32_t>{ok, ok, ok, e_inval, ok, e_inval, ok, ok}));
  EXPECT_EQ(cluster.word(1200), 1u) << "one event";
  EXPECT_EQ(cluster.word(1100), 7u) << "with its user data";
  EXPECT_GE(cluster.word(308) - cluster.word(300), 50'000'000u) << "nanoseconds";
  EXPECT_NE(cluster.memory.substr(320, 8), stdx::Bytes(8, '\0'));
}

TEST(AbiWasiTest, APointerOutOfRangeIsAFaultAndWritesNothing) {
  const auto end = past_the_end;
  OneGuest cluster({{"fd_write", {1, 208, 1, 300}},
                    {"fd_write", {1, end, 1, 300}},
                    {"fd_write", {1, 200, 1, end}},
                    {"fd_write", {1, 200, 1025, 300}},
                    {"environ_sizes_get", {300, end}},
                    {"environ_get", {400, end}},
                    {"environ_get", {end, 500}},
                    {"clock_time_get", {0, 1, end}},
                    {"random_get", {end, 8}},
                    {"random_get", {0, 0xffffffff}},
                    {"fd_fdstat_get", {1, end}},
                    {"args_sizes_get", {300, end}},
                    {"poll_oneoff", {end, 1100, 1, 1200}}});
  const auto& results = cluster.results;
  for (std::size_t i = 0; i < results.size(); ++i)
    EXPECT_EQ(results[i], i == 3 ? e_inval : e_fault) << "call " << i;
}

}  // namespace
}  // namespace zrun
