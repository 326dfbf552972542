// SPDX-License-Identifier: Apache-2.0
#include "zmesh/peer_list_publisher.h"

#include <gtest/gtest.h>

#include "ports/transport.h"
#include "simkit/process.h"
#include "stdx/encoding.h"

namespace zmesh {
namespace {

using namespace std::chrono_literals;

v1::PeersUpdate list_of(std::size_t entries, std::uint64_t epoch = 1) {
  v1::PeersUpdate list;
  list.set_term(7);
  list.add_data_peers()->set_zhost("b");
  for (std::size_t i = 0; i < entries; ++i) {
    auto* entry = list.add_entries();
    entry->set_topology_id(stdx::uuid_from(i, 1));
    entry->set_space(std::string(63, 'x'));  // the longest name there is
    entry->set_space_index(9'999);
    entry->set_zhost(std::string(63, 'z'));
    entry->set_incarnation(1u << 30);
    entry->set_epoch(epoch);
    entry->set_running(true);
  }
  return list;
}

TEST(PeersPagesTest, FiftyThousandEntriesOfTheLongestNamesGoInPagesOfAFrameAndNoneIsLost) {
  const auto whole = list_of(50'000);
  ASSERT_GT(whole.ByteSizeLong(), ports::Link::frame_bytes_max) << "one frame would not do";
  const auto pages = pages_of(whole, PeerListPublisher::page_bytes_max);
  ASSERT_GT(pages.size(), 2u);
  int entries = 0;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    EXPECT_LT(pages[i].ByteSizeLong(), ports::Link::frame_bytes_max / 2);
    EXPECT_EQ(pages[i].term(), 7u);
    EXPECT_EQ(pages[i].further(), i > 0);
    EXPECT_EQ(pages[i].more(), i + 1 < pages.size());
    EXPECT_EQ(pages[i].data_peers_size(), i == 0 ? 1 : 0);
    for (const auto& entry : pages[i].entries())
      EXPECT_EQ(entry.topology_id(), whole.entries(entries++).topology_id());
  }
  EXPECT_EQ(entries, 50'000);
}

TEST(PeersPagesTest, AListThatFitsAndAnEmptyOneAreOnePage) {
  for (const std::size_t size : {0u, 1u, 100u}) {
    const auto pages = pages_of(list_of(size), PeerListPublisher::page_bytes_max);
    ASSERT_EQ(pages.size(), 1u);
    EXPECT_FALSE(pages[0].more() || pages[0].further());
  }
}

TEST(PeersPagesTest, ThePageEndsBeforeTheEntryThatPassesTheBound) {
  const auto two = list_of(2);
  const auto one = two.entries(0).ByteSizeLong() + 4;
  EXPECT_EQ(pages_of(two, 2 * one).size(), 1u);
  EXPECT_EQ(pages_of(two, 2 * one - 1).size(), 2u);
  EXPECT_EQ(pages_of(two, 1).size(), 2u) << "an entry always goes";
}

// zrun is played by the way its pages go out; answers are given by hand.
struct Told {
  simkit::World world{1};
  simkit::Process process{world, "a", "zmesh"};
  ports::Runtime runtime = process.runtime();
  std::vector<v1::Envelope> sent;
  std::uint64_t epoch = 1;
  rpc::RpcEndpoint endpoint{runtime, [this](v1::Envelope e) { sent.push_back(std::move(e)); }};
  PeerListPublisher publisher{runtime,
                              endpoint,
                              {.whole = [this] { return list_of(20'000, epoch); },
                               .changes =
                                   [this](const PeerListPublisher::Changed& changed) {
                                     auto list = list_of(changed.size(), epoch);
                                     list.set_delta(true);
                                     return list;
                                   }}};

  v1::PeersUpdate page(std::size_t i) { return *wire::parse<v1::PeersUpdate>(sent[i].body()); }
  void answer() {
    auto reply = sent.back();
    reply.set_is_response(true);
    reply.clear_body();
    endpoint.receive(std::move(reply));
  }
};

TEST(PeerListPublisherTest, APageGoesOnlyWhenTheOneBeforeWasTakenAndAChangeIsToldAfterTheWhole) {
  Told told;
  told.publisher.publish({});
  ASSERT_EQ(told.sent.size(), 1u);
  told.epoch = 2;
  told.publisher.publish({{"t", "x"}});
  told.publisher.publish({{"t", "x"}, {"t", "y"}});
  EXPECT_EQ(told.sent.size(), 1u);
  while (told.page(told.sent.size() - 1).more()) {
    EXPECT_EQ(told.page(told.sent.size() - 1).entries(0).epoch(), 1u);
    told.answer();
  }
  const auto pages = told.sent.size();
  EXPECT_GT(pages, 2u);
  told.answer();
  ASSERT_EQ(told.sent.size(), pages + 1);
  EXPECT_FALSE(told.page(pages).further());
  EXPECT_TRUE(told.page(pages).delta());
  EXPECT_EQ(told.page(pages).entries_size(), 2) << "those that changed, each once";
  EXPECT_EQ(told.page(pages).entries(0).epoch(), 2u);
  told.answer();
  EXPECT_EQ(told.sent.size(), pages + 1) << "two changes meanwhile are told once";
}

TEST(PeerListPublisherTest, AfterAPageThatWasNotTakenTheListIsToldFromItsBeginning) {
  Told told;
  told.publisher.publish({});
  told.answer();
  ASSERT_EQ(told.sent.size(), 2u);
  told.world.run_for(PeerListPublisher::answer_timeout + PeerListPublisher::retry_after + 1s);
  ASSERT_EQ(told.sent.size(), 3u);
  EXPECT_FALSE(told.page(2).further());
  EXPECT_FALSE(told.page(2).delta()) << "everything: what zrun has is not known";
}

TEST(PeerListPublisherTest, AZrunThatConnectsIsToldTheWholeListAtOnceWhateverWasUnderWay) {
  Told told;
  told.publisher.publish({});
  const auto late = told.sent.back();
  told.publisher.begin_anew();
  ASSERT_EQ(told.sent.size(), 2u);
  EXPECT_FALSE(told.page(1).further());
  auto reply = late;
  reply.set_is_response(true);
  reply.clear_body();
  told.endpoint.receive(std::move(reply));
  EXPECT_EQ(told.sent.size(), 2u) << "what the former zrun took says nothing of this one";
  told.answer();
  ASSERT_EQ(told.sent.size(), 3u);
  EXPECT_TRUE(told.page(2).further());
}

}  // namespace
}  // namespace zmesh
