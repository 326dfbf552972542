// SPDX-License-Identifier: Apache-2.0
#include "zrun/space_metrics.h"

#include <gtest/gtest.h>

#include <numeric>

#include "zrun/testing/fake_cluster.h"

namespace zrun {
namespace {

// Sends "1" to "5", each once.
class Five final : public simkit::StubGuest {
 public:
  std::optional<simkit::GuestCall> next(std::int32_t) override {
    if (std::exchange(sends_, false)) return std::nullopt;
    if (sent_ >= 5) return sleep(3'600'000);
    sends_ = true;
    return emit("in", std::to_string(++sent_));
  }

 private:
  int sent_ = 0;
  bool sends_ = false;
};

// Takes messages for ever; traps on "2".
class Taker final : public simkit::StubGuest {
 public:
  std::optional<simkit::GuestCall> next(std::int32_t result) override {
    if (std::exchange(waiting_, false) && result >= 0 && received(result).text == "2")
      return simkit::GuestCall{"no.such_function", {}};
    waiting_ = true;
    return receive();
  }

 private:
  bool waiting_ = false;
};

struct Pair : FakeCluster {
  Pair() : FakeCluster(7, {"a"}) {
    auto& topology = disk.topology;
    topology.name = "app";
    topology.owner = "test";
    for (const char* name : {"sender", "taker"}) {
      auto& space = topology.spaces.emplace_back();
      space.name = space.entry = name;
      space.type = model::SpaceType::call;
      space.mex_version = "1.2.0";
    }
    topology.paths = {{"in", "sender", "taker", model::Delivery::at_least_once}};
    topology.paths[0].max_deliveries = 2;
    model::normalize(topology);
    guests = [](const std::string& role) -> std::unique_ptr<simkit::StubGuest> {
      if (role == "sender") return std::make_unique<Five>();
      return std::make_unique<Taker>();
    };
    start_zrun("a");
    EXPECT_EQ(place("taker", "a", 1), "accepted");
    EXPECT_EQ(place("sender", "a", 1), "accepted");
    tell_directory();
  }
  Service& service() { return *zrun.at("a")->service; }
  bool handled_all() {
    return world.run_until_true(
        [&] { return service().spaces().space("", "taker")->messages_finished() == 4; }, 60s);
  }
  // The series of a family with that value of the label.
  static const ports::Metrics::Sample* find(const std::vector<ports::Metrics::Family>& families,
                                            const std::string& name, const std::string& label,
                                            const std::string& value) {
    for (const auto& family : families)
      for (const auto& sample : family.samples)
        for (const auto& [key, text] : sample.labels)
          if (family.name == name && key == label && text == value) return &sample;
    return nullptr;
  }
};

TEST(SpaceMetricsTest, ASpaceAndItsPathCountWhatWasTakenInHandledAndGivenUp) {
  Pair cluster;
  ASSERT_TRUE(cluster.handled_all());
  const auto families = space_metrics(cluster.service().spaces().list());
  const auto value = [&](const std::string& name, const std::string& label, const std::string& of) {
    const auto* sample = Pair::find(families, name, label, of);
    return sample == nullptr ? -1 : sample->value;
  };
  for (const auto& [prefix, label, of] :
       {std::tuple{"samoza_zrun_space_", "space", "taker"}, {"samoza_zrun_path_", "path", "in"}}) {
    const std::string messages = std::string(prefix) + "messages_";
    EXPECT_EQ(value(messages + "accepted_total", label, of), 5);
    EXPECT_EQ(value(messages + "finished_total", label, of), 4);
    EXPECT_EQ(value(messages + "dead_total", label, of), 1);
    EXPECT_EQ(value(messages + "repeated_total", label, of), 0);
  }
  EXPECT_EQ(value("samoza_zrun_space_restarts_total", "space", "taker"), 2);
  EXPECT_EQ(value("samoza_zrun_space_mailbox_messages", "space", "taker"), 0);
  const auto* info = Pair::find(families, "samoza_zrun_space_info", "space", "taker");
  ASSERT_NE(info, nullptr);
  EXPECT_EQ(info->labels, (ports::Labels{{"topology", "app"},
                                         {"space", "taker"},
                                         {"type", "CALL"},
                                         {"state", "running"},
                                         {"mex_version", "1.2.0"},
                                         {"version", "1"}}));
  const auto* waits = Pair::find(families, "samoza_zrun_space_wait_seconds", "space", "taker");
  ASSERT_NE(waits, nullptr);
  // Each delivery waited: four that went well, and two of the one that did not.
  EXPECT_EQ(std::accumulate(waits->counts.begin(), waits->counts.end(), std::uint64_t{0}), 6u);
}

TEST(SpaceMetricsTest, WhatIsPastTheBoundIsAddedUpInOneSeriesAndCounted) {
  Pair cluster;
  ASSERT_TRUE(cluster.handled_all());
  const auto families = space_metrics(cluster.service().spaces().list(),
                                      {.spaces_max = 1, .paths_max = 0, .waits_max = 0});
  std::size_t series = 0;
  for (const auto& family : families)
    if (family.name == "samoza_zrun_space_messages_accepted_total") series = family.samples.size();
  EXPECT_EQ(series, 2u) << "one of its own, and the others";
  EXPECT_EQ(
      Pair::find(families, "samoza_zrun_space_messages_accepted_total", "space", "other")->value, 5)
      << "the sender has a series of its own, the taker has none";
  EXPECT_EQ(
      Pair::find(families, "samoza_zrun_path_messages_accepted_total", "path", "other")->value, 5);
  EXPECT_EQ(Pair::find(families, "samoza_zrun_space_wait_seconds", "space", "other")->labels[0],
            (std::pair<std::string, std::string>{"topology", "other"}));
  EXPECT_EQ(Pair::find(families, "samoza_zrun_label_sets_folded", "of", "space")->value, 1);
  EXPECT_EQ(Pair::find(families, "samoza_zrun_label_sets_folded", "of", "path")->value, 1);
  EXPECT_EQ(Pair::find(families, "samoza_zrun_label_sets_folded", "of", "space_wait")->value, 2);
}

}  // namespace
}  // namespace zrun
