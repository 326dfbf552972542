// SPDX-License-Identifier: Apache-2.0
// What a control plane tells (controlplane/member_news.h) and what a zmesh makes of it
// (zmesh/member_list.h), against one another.
#include "controlplane/member_news.h"

#include <gtest/gtest.h>

#include <random>

#include "zmesh/member_list.h"

namespace sim {
namespace {

namespace v1 = samoza::v1;

struct Members {
  std::mt19937 random;
  std::map<std::string, std::uint64_t> there;  // incarnation by name
  std::uint64_t term = 1;

  std::size_t below(std::size_t n) { return random() % n; }
  void change() {
    const auto name = std::string(1, static_cast<char>('a' + below(12)));
    if (below(5) == 0) term += below(2);
    if (below(3) == 0)
      there.erase(name);
    else
      there[name] = 1 + below(2);
  }
  v1::MembersChanged now() const {
    v1::MembersChanged all;
    all.set_term(term);
    for (const auto& [name, incarnation] : there) {
      auto* peer = all.add_peers();
      peer->set_zhost_id(name);
      peer->set_incarnation(incarnation);
    }
    return all;
  }
};

std::string wire_of(v1::MembersChanged list) {
  list.clear_records();
  return list.SerializeAsString();
}

// Links that hear every announcement, with questions answered between them at any time.
TEST(MemberNewsTest, WhateverChangesEachLinkEndsWithTheListOfTheControlPlane) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    Members members{.random = std::mt19937(seed), .there = {}};
    controlplane::MemberNews news;
    std::vector<zmesh::MemberList> links(4);
    std::vector<std::uint64_t> told(links.size());
    for (int step = 0; step < 60; ++step) {
      members.change();
      const auto link = members.below(links.size());
      if (members.below(4) == 0) links[link].take(news.answer(members.now()));
      if (members.below(10) == 0) {  // another connection
        links[link].begin_anew();
        told[link] = 0;
      }
      if (members.below(2) == 0 || !news.announce(members.now())) continue;
      for (std::size_t i = 0; i < links.size(); ++i) {
        ASSERT_NE(links[i].take(news.for_link(told[i])), zmesh::MemberList::Heard::gap)
            << "seed " << seed;
        told[i] = news.sequence();
        ASSERT_EQ(wire_of(links[i].list()), wire_of(members.now()))
            << "seed " << seed << ", step " << step << ", link " << i;
      }
    }
  }
}

}  // namespace
}  // namespace sim
