// SPDX-License-Identifier: Apache-2.0
// Which zrun a message from outside is given to. The rest is in zrun/outside_test.cc.
#include "zmesh/doorway.h"

#include <gtest/gtest.h>

#include "simkit/process.h"
#include "stdx/encoding.h"

namespace zmesh {
namespace {

using stdx::Code;

struct Door {
  simkit::World world{1};
  simkit::Process process{world, "a", "zmesh"};
  ports::Runtime runtime = process.runtime();
  std::vector<v1::Envelope> sent;
  rpc::RpcEndpoint endpoint{runtime, [this](v1::Envelope envelope) { sent.push_back(envelope); }};
  Directory directory;
  Doorway doorway{endpoint, directory, "a"};
  std::optional<stdx::Result<v1::SendReply>> answer;

  explicit Door(int copies = 1) {
    v1::DirectoryUpdate update;
    update.set_term(1);
    update.set_complete(true);
    update.set_part(1);
    for (int i = 0; i < copies; ++i) {
      auto* closed = update.add_entries();
      closed->set_topology_id(stdx::uuid_from(1, static_cast<std::uint64_t>(i)));
      closed->set_space("store");
      closed->set_zhost("z" + std::to_string(i));
      closed->set_epoch(1);
    }
    auto* open = update.add_entries();
    open->set_topology_id(stdx::uuid_from(1, 0));
    open->set_space("desk");
    open->set_space_index(1);
    open->set_topology("shop");
    open->set_ingress(true);
    open->set_zhost("b");
    open->set_epoch(3);
    EXPECT_TRUE(directory.apply(update));
  }
  void send(const std::string& topology, const std::string& to, const std::string& from = "") {
    v1::SendRequest request;
    request.set_topology(topology);
    request.set_to(to);
    request.set_from(from);
    request.set_epoch(99);
    request.set_http(true);
    doorway.send(std::move(request), [this](auto reply) { answer = std::move(reply); });
  }
  void refuse(std::size_t at, Code code) {
    endpoint.receive(rpc::RpcEndpoint::failure(sent.at(at), {code, "no"}));
  }
};

TEST(DoorwayTest, TheZrunThatTheDirectoryNamesIsAskedWithTheSpacesEpoch) {
  Door door;
  door.send("shop", "desk");
  ASSERT_EQ(door.sent.size(), 1u);
  EXPECT_EQ(door.sent[0].to().zhost(), "b");
  EXPECT_EQ(door.sent[0].method(), "zrun.ask");
  v1::SendRequest asked;
  ASSERT_TRUE(asked.ParseFromString(door.sent[0].body()));
  EXPECT_EQ(asked.topology(), stdx::uuid_from(1, 0));
  EXPECT_EQ(asked.epoch(), 3u) << "not what the caller said";
  EXPECT_FALSE(asked.http()) << "that is for requests below a route alone";
}

TEST(DoorwayTest, ASpaceThatLeftItsZhostDoesNotRunNow) {
  Door door;
  door.send("shop", "desk");
  door.refuse(0, Code::not_found);
  ASSERT_TRUE(door.answer);
  EXPECT_EQ(door.answer->error().code, Code::unavailable);
}

TEST(DoorwayTest, AClosedSpaceOfATopologyThatHasADoorIsRefusedHere) {
  Door door;
  door.send("shop", "store");
  ASSERT_TRUE(door.answer);
  EXPECT_EQ(door.answer->error().code, Code::denied);
  EXPECT_TRUE(door.sent.empty());
}

TEST(DoorwayTest, OfOtherTopologiesEachZrunIsAskedUntilOneKnowsItAndNoMoreThanEight) {
  Door door(20);
  door.send("unknown", "store");
  for (std::size_t i = 0; i < Doorway::zhosts_asked_max; ++i) {
    ASSERT_EQ(door.sent.size(), i + 1);
    ASSERT_FALSE(door.answer);
    door.refuse(i, Code::not_found);
  }
  EXPECT_EQ(door.sent[0].to().zhost(), "") << "this zhost first";
  ASSERT_TRUE(door.answer);
  EXPECT_EQ(door.answer->error().code, Code::not_found);
  door.answer.reset();
  door.send("unknown", "", "store");
  door.refuse(Doorway::zhosts_asked_max, Code::not_found);
  door.refuse(Doorway::zhosts_asked_max + 1, Code::denied);
  ASSERT_TRUE(door.answer);
  EXPECT_EQ(door.answer->error().code, Code::denied);
  EXPECT_EQ(door.sent.back().method(), "zrun.emit");
}

TEST(DoorwayTest, ANameOfATopologyThatWasDeletedIsForgotten) {
  Door door;
  v1::DirectoryUpdate update;
  update.set_term(1);
  update.set_sequence(1);
  auto* gone = update.add_entries();
  gone->set_topology_id(stdx::uuid_from(1, 0));
  gone->set_space("desk");
  gone->set_removed(true);
  ASSERT_TRUE(door.directory.apply(update));
  EXPECT_TRUE(door.directory.doors().empty());
  EXPECT_EQ(door.directory.find_door("shop", "desk"), nullptr);
}

}  // namespace
}  // namespace zmesh
