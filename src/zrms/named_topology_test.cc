// SPDX-License-Identifier: Apache-2.0
#include "zrms/named_topology.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace zrms {
namespace {

Records with(const std::vector<std::pair<std::string, std::string>>& topologies) {
  Records records;
  std::vector<RowChange> changes;
  for (const auto& [id, name] : topologies) {
    v1::TopologyRecord record;
    record.set_id(id);
    record.set_desired(name == "gone" ? v1::DESIRED_DELETED : v1::DESIRED_RUNNING);
    model::Topology spec;
    spec.name = name;
    changes.push_back(change_of(TopologyRow{}, std::move(record), text_of(std::move(spec))));
  }
  records.apply(changes);
  return records;
}

const std::string first = "ef970bd6-0688-42b5-96de-f61b181604a1",
                  second = "ef970bff-0000-42b5-96de-f61b181604a2",
                  third = "12345678-0688-42b5-96de-f61b181604a3";

std::string found(const Records& records, const std::string& asked) {
  const auto* row = named_topology(records, asked);
  return row == nullptr ? "" : row->spec().name;
}

TEST(NamedTopologyTest, AnIdItsBeginningOrTheNameIsEnough) {
  const auto records = with({{first, "pump"}, {second, "valve"}, {third, "anomaly"}});
  EXPECT_EQ(found(records, first), "pump");
  EXPECT_EQ(found(records, "valve"), "valve");
  EXPECT_EQ(found(records, "1234"), "anomaly");
  EXPECT_EQ(found(records, "ef970bd"), "pump");
  EXPECT_EQ(found(records, "123"), "") << "three characters are too few";
  EXPECT_EQ(found(records, "ef97"), "") << "two begin so";
}

TEST(NamedTopologyTest, WhatIsNotFoundNamesTheCandidatesOrTheNearestName) {
  const auto records = with({{first, "pump"}, {second, "valve"}, {third, "anomaly"}});
  const auto several = no_topology(records, "ef97");
  EXPECT_EQ(several.code, stdx::Code::invalid);
  EXPECT_EQ(several.message, "several topologies have an id that begins with 'ef97': " + first +
                                 " (pump), " + second + " (valve)");
  EXPECT_EQ(no_topology(records, "vlave").message,
            "there is no topology 'vlave'; `topo` lists them; did you mean 'valve'?");
  EXPECT_EQ(no_topology(records, "x").message, "there is no topology 'x'; `topo` lists them");
  EXPECT_EQ(no_topology(records, "x").code, stdx::Code::not_found);
}

TEST(NamedTopologyTest, ADeletedTopologyIsNotFoundAndNotNear) {
  const auto records = with({{first, "gone"}, {second, "valve"}});
  EXPECT_EQ(found(records, first), "");
  EXPECT_EQ(found(records, "ef97"), "valve") << "the other one is deleted";
  EXPECT_EQ(no_topology(records, "gonee").message,
            "there is no topology 'gonee'; `topo` lists them");
}

TEST(NamedTopologyTest, OfManyCandidatesTenAreNamed) {
  std::vector<std::pair<std::string, std::string>> many;
  for (int i = 0; i < 12; ++i)
    many.emplace_back("abcd-" + std::to_string(i), "t" + std::to_string(i));
  const auto message = no_topology(with(many), "abcd").message;
  EXPECT_TRUE(message.ends_with(", and more")) << message;
  EXPECT_EQ(std::count(message.begin(), message.end(), '('), 10);
}

}  // namespace
}  // namespace zrms
