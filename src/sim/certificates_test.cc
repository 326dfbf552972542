// SPDX-License-Identifier: Apache-2.0
// Certificates in a cluster: joined with a token, renewed under load, and after any absence.
#include <gtest/gtest.h>

#include "sim/running_cluster.h"
#include "wire/key_ring.h"

namespace sim {
namespace {

std::vector<stdx::Bytes> certificates(const Cluster& cluster) {
  std::vector<stdx::Bytes> list;
  for (std::size_t i = 0; i < cluster.size(); ++i)
    list.push_back(cluster.credentials(i).certificate());
  return list;
}
bool all_differ(const std::vector<stdx::Bytes>& a, const std::vector<stdx::Bytes>& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] == b[i]) return false;
  return true;
}

TEST(CertificatesTest, AClusterThatWasOffFor400DaysComesBackByItself) {
  Running r;
  auto& cluster = r.cluster;
  const auto before = certificates(cluster);
  for (std::size_t i = 0; i < cluster.size(); ++i) cluster.kill_zhost(i);
  cluster.kill_control_plane();
  cluster.pass_wall_time(24h * 400);
  cluster.join_token.clear();  // nobody has one any more
  cluster.start_control_plane();
  for (std::size_t i = 0; i < cluster.size(); ++i) cluster.start_zhost(i);
  EXPECT_TRUE(r.settle(60s));
  EXPECT_TRUE(all_differ(before, certificates(cluster)));
}

// DeliveryChecker counts what guests send against what they take.
TEST(CertificatesTest, CertificatesAreRenewedUnderLoadWithoutALostMessageOrALink) {
  Running r({}, "brisk");
  auto& cluster = r.cluster;
  for (int day = 0; day < 3; ++day) {
    const auto before = certificates(cluster);
    const auto since = cluster.world.now();
    cluster.pass_wall_time(13h);
    EXPECT_TRUE(cluster.world.run_until_true(
        [&] { return all_differ(before, certificates(cluster)); }, 60s));
    cluster.world.run_for(5s);
    EXPECT_EQ(r.logged("peer_lost", since), nullptr);
    EXPECT_EQ(r.logged("control_plane_lost", since), nullptr);
    EXPECT_TRUE(r.settle(1s));
  }
}

// Beats and access tokens: every zhost has the next key before anybody uses it.
TEST(CertificatesTest, KeysAreChangedUnderLoadWithoutALostMessageOrAFalseVerdict) {
  Running r({}, "brisk");
  auto& cluster = r.cluster;
  const auto before = wire::generation_of(cluster.keys(0));
  const auto since = cluster.world.now();
  cluster.pass_wall_time(24h * 31);
  const auto all_have = [&](std::uint64_t generation) {
    return cluster.world.run_until_true(
        [&] {
          for (std::size_t i = 0; i < cluster.size(); ++i)
            if (wire::generation_of(cluster.keys(i)) != generation) return false;
          return true;
        },
        60s);
  };
  EXPECT_TRUE(all_have(before + 2));
  for (int i = 0; i < 5; ++i) {  // from before their time until after the end of the former ones
    cluster.pass_wall_time(12h);
    cluster.world.run_for(20s);
  }
  EXPECT_EQ(r.logged("zhost_dead", since), nullptr);
  EXPECT_EQ(r.logged("peer_lost", since), nullptr);
  EXPECT_TRUE(r.settle(1s));
  // Records from before that change are put back: the keys that zhosts have count.
  cluster.kill_control_plane();
  auto records = cluster.database.copy();
  ASSERT_EQ(records.rows.erase({"keys", ""}), 1u);
  cluster.database.put(std::move(records));
  cluster.start_control_plane();
  cluster.pass_wall_time(13h);  // certificates are asked for
  cluster.world.run_for(60s);
  EXPECT_TRUE(all_have(before + 2));
  EXPECT_TRUE(r.settle(60s));
}

TEST(CertificatesTest, WithoutAControlPlaneEverythingRunsOnPastTheEndOfTheCertificates) {
  Running r;
  auto& cluster = r.cluster;
  cluster.kill_control_plane();
  cluster.pass_wall_time(48h);
  cluster.world.run_for(30s);
  const auto live = cluster.instances("x").size() + cluster.instances("y").size();
  EXPECT_EQ(live, 2u);
  EXPECT_EQ(r.send(r.home("x"), "link", "outside 1"), 200);
  EXPECT_TRUE(r.came_to_y(1, 10s)) << "links that are there stay";
  cluster.start_control_plane();
  EXPECT_TRUE(r.settle(60s));
}

TEST(CertificatesTest, AZhostThatLostItsDiskJoinsAnewWithTheTokenAndAThiefWithoutOneDoesNot) {
  Running r;
  auto& cluster = r.cluster;
  const auto own = cluster.credentials(2);
  cluster.kill_zhost(2);
  cluster.set_credentials(2, {});
  const auto token = std::exchange(cluster.join_token, "");
  cluster.start_zhost(2);
  cluster.world.run_for(30s);
  EXPECT_FALSE(cluster.zmesh_of(2)->control_plane().registered());
  cluster.join_token = token;
  EXPECT_TRUE(cluster.world.run_until_true(
      [&] { return cluster.zmesh_of(2)->control_plane().registered(); }, 60s));
  EXPECT_NE(cluster.credentials(2).key(), own.key());
  // Whoever has the old key is not that zhost any more.
  cluster.kill_zhost(2);
  cluster.set_credentials(2, own);
  cluster.pass_wall_time(25h);
  cluster.join_token.clear();
  cluster.start_zhost(2);
  cluster.world.run_for(60s);
  EXPECT_FALSE(cluster.zmesh_of(2)->control_plane().registered());
  EXPECT_NE(cluster.zmesh_of(2)->control_plane_trouble().find("another key"), std::string::npos)
      << cluster.zmesh_of(2)->control_plane_trouble();
}

TEST(CertificatesTest, RecordsThatArePutBackFromBeforeAZhostJoinedKnowItByItsCertificate) {
  Running r;
  auto& cluster = r.cluster;
  cluster.kill_control_plane();
  auto records = cluster.database.copy();
  ASSERT_EQ(records.rows.erase({"key", "z1"}), 1u);
  cluster.database.put(std::move(records));
  cluster.join_token.clear();
  cluster.start_control_plane();
  cluster.world.run_for(1s);
  cluster.kill_zhost(1);
  cluster.pass_wall_time(24h * 3);
  cluster.start_zhost(1);
  cluster.world.run_for(1s);
  EXPECT_TRUE(cluster.world.run_until_true(
      [&] { return cluster.zmesh_of(1)->control_plane().registered(); }, 60s));
}

}  // namespace
}  // namespace sim
