// SPDX-License-Identifier: Apache-2.0
#include "model/topology_update.h"

#include <gtest/gtest.h>

namespace model {
namespace {

Space space(const std::string& name, const std::string& content) {
  Space made;
  made.name = name;
  made.content = content;
  made.entry = "core.wasm";
  return made;
}

Topology defined(std::vector<Space> spaces, std::vector<Path> paths) {
  Topology topology;
  topology.name = "shop";
  topology.spaces = std::move(spaces);
  topology.paths = std::move(paths);
  normalize(topology);
  define(topology);
  return topology;
}

std::string text_of(const std::vector<SpaceChange>& changes) {
  std::string text;
  for (const auto& change : changes) {
    text += std::string(to_string(change.kind)) + " " + change.space;
    for (const auto& what : change.what) text += " " + what;
    text += "; ";
  }
  return text;
}

std::string names_of(const Topology& topology) {
  std::string text;
  for (const auto& s : topology.spaces) text += s.name + (s.removed ? "- " : " ");
  for (const auto& p : topology.paths) text += p.name + (p.removed ? "- " : " ");
  return text;
}

const auto v1 = defined({space("a", "1"), space("c", "1"), space("e", "1")},
                        {{"ac", "a", "c"}, {"ce", "c", "e"}});

TEST(TopologyUpdateTest, ASpaceWhoseModuleLimitsAndPathsAreTheSameIsTheSame) {
  const auto updated = update(v1, defined({space("a", "1"), space("c", "2"), space("e", "1")},
                                          {{"ac", "a", "c"}, {"ce", "c", "e"}}));
  ASSERT_TRUE(updated);
  EXPECT_EQ(text_of(updated->changes), "changed c module; ");
  EXPECT_EQ(updated->topology.version, 2u);
}

TEST(TopologyUpdateTest, ASpaceThatIsOpenedToTheOutsideIsAnotherOne) {
  auto open = space("c", "1");
  open.ingress = true;
  const auto updated = update(
      v1, defined({space("a", "1"), open, space("e", "1")}, {{"ac", "a", "c"}, {"ce", "c", "e"}}));
  ASSERT_TRUE(updated);
  EXPECT_EQ(text_of(updated->changes), "changed c ingress; ");
}

TEST(TopologyUpdateTest, APathThatItsEndsCallOtherwiseReplacesThem) {
  auto paths = v1.paths;
  paths[0].out = "next";
  const auto updated =
      update(v1, defined({space("a", "1"), space("c", "1"), space("e", "1")}, paths));
  ASSERT_TRUE(updated);
  EXPECT_EQ(text_of(updated->changes), "changed a paths; changed c paths; ");
  EXPECT_EQ(updated->topology.paths[0].out, "next");
}

TEST(TopologyUpdateTest, AnArchiveOfAnotherVersionAloneChangesNothing) {
  auto next = v1;
  for (auto& s : next.spaces) s.mex_sha256 = "another archive", s.mex_version = "2.0.0";
  define(next);
  const auto updated = update(v1, next);
  EXPECT_TRUE(updated->changes.empty()) << text_of(updated->changes);
}

TEST(TopologyUpdateTest, NamesKeepTheirIndexAndWhatIsNewIsAppended) {
  const auto updated = update(v1, defined({space("a", "1"), space("b", "1"), space("e", "1")},
                                          {{"ab", "a", "b"}, {"be", "b", "e"}}));
  ASSERT_TRUE(updated);
  EXPECT_EQ(names_of(updated->topology), "a c- e b ac- ce- ab be ");
  EXPECT_EQ(text_of(updated->changes), "changed a paths; added b; removed c; changed e paths; ");
  // And back: the removed one takes its place again.
  const auto back = update(updated->topology, without_removed(v1));
  EXPECT_EQ(names_of(back->topology), "a c e b- ac ce ab- be- ");
  EXPECT_EQ(text_of(back->changes), "changed a paths; removed b; added c; changed e paths; ");
  EXPECT_EQ(back->topology.spaces[1].definition, v1.spaces[1].definition);
}

TEST(TopologyUpdateTest, APathOfAnotherDeliveryOrOtherEndsIsAnotherPath) {
  const auto updated =
      update(v1, defined({space("a", "1"), space("c", "1"), space("e", "1")},
                         {{"ac", "a", "c", Delivery::at_most_once}, {"ce", "e", "c"}}));
  EXPECT_EQ(names_of(updated->topology), "a c e ac- ce- ac ce ");
  EXPECT_EQ(text_of(updated->changes), "changed a paths; changed c paths; changed e paths; ");
}

TEST(TopologyUpdateTest, WhatChangedIsNamed) {
  auto next = without_removed(v1);
  next.spaces[0].limits.memory_bytes *= 2;
  next.spaces[0].config["mode"] = "loud";
  define(next);
  EXPECT_EQ(text_of(update(v1, next)->changes), "changed a limits config; ");
}

TEST(TopologyUpdateTest, ARestartReplacesWhatIsNamedAndALaterUpdateDoesNotDoItAgain) {
  const auto once = restart(v1, {"c"});
  ASSERT_TRUE(once);
  EXPECT_EQ(text_of(once->changes), "changed c restart; ");
  EXPECT_NE(mark_of(once->topology.spaces[1]), mark_of(v1.spaces[1]));
  EXPECT_EQ(mark_of(once->topology.spaces[0]), mark_of(v1.spaces[0]));
  const auto same = update(once->topology, without_removed(v1));
  EXPECT_TRUE(same->changes.empty());
  EXPECT_EQ(mark_of(same->topology.spaces[1]), mark_of(once->topology.spaces[1]));
  EXPECT_EQ(restart(v1, {})->changes.size(), 3u);
  EXPECT_EQ(restart(v1, {"no-such"}).error().code, stdx::Code::not_found);
}

TEST(TopologyUpdateTest, AnotherNameIsRefused) {
  auto next = v1;
  next.name = "other";
  EXPECT_EQ(update(v1, next).error().code, stdx::Code::invalid);
}

}  // namespace
}  // namespace model
