// SPDX-License-Identifier: Apache-2.0
#include "config/zhost_config.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "adapters/yaml/yaml.h"

namespace config {
namespace {

using namespace std::chrono_literals;

stdx::Result<ZhostConfig> read(const std::string& text,
                               const std::map<std::string, std::string>& environment = {}) {
  const auto node = adapters::yaml::parse(text, "c.yaml");
  EXPECT_TRUE(node) << node.error().message;
  return parse_zhost_config(*node, "c.yaml", environment);
}

TEST(ZhostConfigTest, RFail1To3TheSeedProfileHasThePublishedFigures) {
  const auto c = read("zhost: {id: z1}\nprofile: seed\n");
  ASSERT_TRUE(c);
  EXPECT_EQ(c->report_interval, stdx::Duration(10s));
  EXPECT_EQ(c->failure_timeout, stdx::Duration(30s));
  EXPECT_EQ(c->check_interval, stdx::Duration(5s));
  EXPECT_EQ(c->failure_timeout, 3 * c->report_interval) << "R-FAIL-12";
  EXPECT_EQ(c->beat_interval, stdx::Duration(0s));
}

// R-HTTP-4: and on the address where zshell looks by default.
TEST(ZhostConfigTest, RSvc1To5TheServicesHaveTheirPublishedPorts) {
  const auto c = read("zhost: {id: z1}\n");
  ASSERT_TRUE(c);
  EXPECT_EQ(c->control_plane_service.port, 9000);
  EXPECT_EQ(c->control_plane.port, 9000);
  EXPECT_EQ(c->zmesh_port, 9200);
  EXPECT_EQ(c->zrms_port, 7331);
  EXPECT_EQ(c->zrun_port, 8080);
  EXPECT_EQ(c->zbase_port, 7071);
  EXPECT_EQ(c->bind, "127.0.0.1");
}

TEST(ZhostConfigTest, RSvc7TheExamplesOfTheRepositoryAreGoodAndOfOneCluster) {
  const auto example = [](const std::string& name) {
    std::ifstream file(std::string(SAMOZA_SOURCE_DIR) + "/configs/" + name + ".yaml");
    const auto c = read({std::istreambuf_iterator<char>(file), {}});
    EXPECT_TRUE(c) << name << ": " << c.error().message;
    return *c;
  };
  const auto cloud = example("samoza_cloud"), edge = example("samoza_edge");
  EXPECT_TRUE(cloud.control_plane_service.enabled);
  EXPECT_FALSE(edge.control_plane_service.enabled);
  EXPECT_EQ(edge.cluster_id, cloud.cluster_id);
  EXPECT_EQ(edge.control_plane.host, cloud.bind);
  EXPECT_EQ(edge.profile, cloud.profile) << "the leader judges all zhosts by its own";
  EXPECT_NE(edge.bind, cloud.bind);
  EXPECT_NE(edge.state_dir, cloud.state_dir);
  EXPECT_TRUE(example("samoza_dev").control_plane_service.enabled);
}

// R-FAIL-12: shortened by a key; the published default is three heartbeats.
// R-ENV-1..4: the four variables of the published configuration.
TEST(ZhostConfigTest, SingleKeysOverrideTheProfileAndTheEnvironmentOverridesTheFile) {
  const auto c = read(
      "zhost: {id: z1, region: a}\nzrms: {failure_detection: {timeout: 5s}}\n"
      "cluster: {control_plane: 'ws://10.0.0.1:9000'}\n",
      {{"ZMESH_ZHOST_ID", "z9"},
       {"ZMESH_REGION", "edge-site-1"},
       {"ZMESH_CLUSTER", "edge-cluster"},
       {"ZMESH_CONTROLPLANE", "ws://cloud.example.com:9001/ws"}});
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->failure_timeout, stdx::Duration(5s));
  EXPECT_EQ(c->zhost_id, "z9");
  EXPECT_EQ(c->region, "edge-site-1");
  EXPECT_EQ(c->cluster_id, "edge-cluster");
  EXPECT_EQ(c->control_plane.host, "cloud.example.com");
  EXPECT_EQ(c->control_plane.port, 9001);
}

TEST(ZhostConfigTest, AnUnknownKeyIsNamedWithItsLineAndTheNearestKnownOne) {
  const auto c = read("zhost: {id: z1}\nzrms:\n  prot: 1\n");
  ASSERT_FALSE(c);
  EXPECT_EQ(c.error().message, "c.yaml:3: unknown key 'prot' in zrms; did you mean 'port'?");
}

TEST(ZhostConfigTest, WrongValuesAreNamedOneAndAll) {
  const auto c = read(
      "zhost: {id: z1}\nprofile: wan\nzmesh: {port: 70000}\nbind: [1]\n"
      "control_plane: {store: oracle}\nzrms: {restart_grace: soon}\n");
  ASSERT_FALSE(c);
  for (auto word : {"wan", "70000", "bind", "oracle", "soon"})
    EXPECT_NE(c.error().message.find(word), std::string::npos) << word;
}

TEST(ZhostConfigTest, AnIdThatWouldLeaveItsFolderOrBreakALogIsRefused) {
  for (const char* id : {"'../x'", "a/b", "'a b'", "'-a'", "\"a\\nb\""})
    EXPECT_FALSE(read("zhost: {id: " + std::string(id) + "}\n")) << id;
  EXPECT_FALSE(read("zhost: {id: " + std::string(64, 'z') + "}\n"));
  EXPECT_TRUE(read("zhost: {id: " + std::string(63, 'z') + "}\n"));
  const auto c = read("zhost: {id: z1}\ncluster: {id: 'a b'}\n");
  ASSERT_FALSE(c);
  EXPECT_NE(c.error().message.find("cluster.id is 'a b'"), std::string::npos) << c.error().message;
}

TEST(ZhostConfigTest, TheJoinTokenIsOneOfTheUserAndTheClusterUnlessAKeyNamesAFile) {
  const std::string zhost = "zhost: {id: z1}\ncluster: {id: c1}\n";
  EXPECT_EQ(read(zhost, {{"HOME", "/home/u"}})->join_token_file,
            "/home/u/.local/state/samoza/c1.join");
  EXPECT_EQ(read(zhost, {{"HOME", "/home/u"}, {"XDG_STATE_HOME", "/s"}})->join_token_file,
            "/s/samoza/c1.join");
  EXPECT_EQ(read(zhost, {{"HOME", "/home/u"}, {"XDG_STATE_HOME", "s"}})->join_token_file,
            "/home/u/.local/state/samoza/c1.join");
  EXPECT_EQ(read(zhost)->join_token_file, "") << "the programs say that the key is needed";
  const std::string named = "zhost: {id: z1}\ncluster: {join_token_file: /etc/j}\n";
  EXPECT_EQ(read(named, {{"HOME", "/home/u"}})->join_token_file, "/etc/j");
  EXPECT_EQ(read(named, {{"ZMESH_JOIN_TOKEN_FILE", "/k"}})->join_token_file, "/k");
}

TEST(ZhostConfigTest, CopiesOfTheRecordsHaveAnIntervalAndBoundsAndCanBeSwitchedOff) {
  const auto usual = read("zhost: {id: z1}\n");
  EXPECT_EQ(usual->control_plane_service.copies_interval, stdx::Duration(10min));
  EXPECT_EQ(usual->control_plane_service.copies_zhosts, 3u);
  EXPECT_EQ(usual->copies_kept, 5u);
  const auto own = read(
      "zhost: {id: z1}\ncontrol_plane: {enabled: true, copies: {interval: 0s, zhosts: 2}}\n"
      "copies: {kept: 9, bytes: 1MiB}\n");
  ASSERT_TRUE(own) << own.error().message;
  EXPECT_EQ(own->control_plane_service.copies_interval, stdx::Duration(0s));
  EXPECT_EQ(own->control_plane_service.copies_zhosts, 2u);
  EXPECT_EQ(own->copies_kept, 9u);
  EXPECT_EQ(own->copies_bytes, 1u << 20);
  for (const char* bad :
       {"control_plane: {copies: {interval: 10ms}}", "control_plane: {copies: {zhosts: 0}}",
        "copies: {kept: 0}", "copies: {keep: 3}"})
    EXPECT_FALSE(read(std::string("zhost: {id: z1}\n") + bad + "\n")) << bad;
}

TEST(ZhostConfigTest, BindIsAnAddressNotAName) {
  for (const char* good : {"127.0.0.1", "10.0.0.255", "'::1'"})
    EXPECT_TRUE(read("zhost: {id: z1}\nbind: " + std::string(good) + "\n")) << good;
  for (const char* bad : {"300.1.2.3", "127.0.0", "127.0.0.1.1", "localhost", "''", "127..0.1"})
    EXPECT_FALSE(read("zhost: {id: z1}\nbind: " + std::string(bad) + "\n")) << bad;
}

TEST(ZhostConfigTest, RDec2BothFormsOfTheControlPlaneUrlAreTaken) {
  EXPECT_EQ(parse_control_plane("ws://h:9000")->path, "/");
  EXPECT_EQ(parse_control_plane("ws://h:9000/ws")->path, "/ws");
  for (auto url : {"http://h", "ws://", "ws://h:0", "ws://h:9000/x", "ws://h:port"})
    EXPECT_FALSE(parse_control_plane(url)) << url;
}

}  // namespace
}  // namespace config
