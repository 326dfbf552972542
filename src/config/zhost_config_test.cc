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
    const auto c = read({std::istreambuf_iterator<char>(file), {}}, {{"HOME", "/home/u"}});
    EXPECT_TRUE(c) << name << ": " << c.error().message;
    return *c;
  };
  const auto edge = example("samoza_edge");
  EXPECT_FALSE(edge.control_plane_service.enabled);
  for (const char* first : {"samoza_dev", "samoza_cloud"}) {
    const auto c = example(first);
    EXPECT_TRUE(c.control_plane_service.enabled);
    EXPECT_EQ(edge.cluster_id, c.cluster_id) << "it joins either";
    EXPECT_EQ(edge.join_token_file, c.join_token_file);
    EXPECT_EQ(edge.control_plane.host, c.bind);
    EXPECT_EQ(edge.profile, c.profile) << "the leader judges all zhosts by its own";
    EXPECT_NE(edge.bind, c.bind);
    EXPECT_NE(edge.state_dir, c.state_dir);
    EXPECT_NE(edge.run_dir, c.run_dir);
  }
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

TEST(ZhostConfigTest, ARelativePathIsRelativeToTheFileThatNamesIt) {
  const auto node = adapters::yaml::parse(
      "zhost: {id: z1}\nrun_dir: run\nstate_dir: ../state/z1\nlog_dir: /var/log/z1\n"
      "cluster: {join_token_file: c.join}\ncontrol_plane: {sqlite: db/c.db}\n",
      "c.yaml");
  const auto c = parse_zhost_config(*node, "/etc/samoza/zhosts/c.yaml", {{"HOME", "/home/u"}});
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->run_dir, "/etc/samoza/zhosts/run");
  EXPECT_EQ(c->state_dir, "/etc/samoza/state/z1");
  EXPECT_EQ(c->log_dir, "/var/log/z1");
  EXPECT_EQ(c->join_token_file, "/etc/samoza/zhosts/c.join");
  EXPECT_EQ(c->control_plane_service.sqlite, "/etc/samoza/zhosts/db/c.db");
  const auto here = parse_zhost_config(*node, "configs/c.yaml", {});
  EXPECT_EQ(here->run_dir, "configs/run");
  EXPECT_EQ(here->state_dir, "state/z1");
}

TEST(ZhostConfigTest, FoldersThatTheFileDoesNotNameAreThoseOfTheUserWhereverItIsStarted) {
  const std::string zhost = "zhost: {id: z1}\ncluster: {id: c1}\n";
  const auto c = read(zhost, {{"HOME", "/home/u"}});
  EXPECT_EQ(c->run_dir, "/home/u/.local/state/samoza/c1/z1/run");
  EXPECT_EQ(c->state_dir, "/home/u/.local/state/samoza/c1/z1/state");
  EXPECT_EQ(c->control_plane_service.sqlite, c->state_dir + "/controlplane.db");
  EXPECT_EQ(c->log_dir, "");
  EXPECT_EQ(read(zhost, {{"XDG_STATE_HOME", "/s"}})->run_dir, "/s/samoza/c1/z1/run");
  EXPECT_EQ(read(zhost)->run_dir, "run/z1") << "beside the file, where there is no home";
}

TEST(ZhostConfigTest, AFindingNamesTheLineOfTheKeyOrValueThatIsWrong) {
  const auto c = read(
      "profile: lan\nzhost:\n  id: 'a b'\ncluster:\n  id: 'c d'\n  control_plane: http://h\n"
      "zmesh:\n  port:\n    70000\nbind: localhost\ntrust:\n  keys: []\n  policy: mild\n"
      "control_plane:\n  enabled: true\n  copies:\n    zhosts: 2\n    interval: 1ms\n  store: "
      "oracle\n"
      "zrms:\n  failure_detection:\n    timeout: 1ms\n  prot:\n    - 1\nzrun:\n- x\n");
  ASSERT_FALSE(c);
  for (const char* line :
       {"c.yaml:3: zhost.id", "c.yaml:5: cluster.id", "c.yaml:6: control plane 'http://h'",
        "c.yaml:9: port is '70000'", "c.yaml:10: bind", "c.yaml:13: trust.policy",
        "c.yaml:18: control_plane.copies", "c.yaml:19: control_plane.store",
        "c.yaml:22: zrms.failure_detection.timeout",
        "c.yaml:23: unknown key 'prot' in zrms; did you mean 'port'?",
        "c.yaml:25: zrun must be a map"})
    EXPECT_NE(c.error().message.find(line), std::string::npos) << line << " in\n"
                                                               << c.error().message;
  EXPECT_EQ(read("zhost: {id: z1}\nprofile: wan\n").error().message,
            "c.yaml:2: profile is 'wan'; it must be lan, edge or seed");
}

TEST(ZhostConfigTest, AWrongVariableOfTheEnvironmentIsNamedAndNotALineOfTheFile) {
  const auto c =
      read("zhost: {id: z1}\n", {{"ZMESH_ZHOST_ID", "a b"}, {"ZMESH_CONTROLPLANE", "x"}});
  ASSERT_FALSE(c);
  EXPECT_NE(c.error().message.find("the environment variable ZMESH_ZHOST_ID: zhost.id is 'a b'"),
            std::string::npos);
  EXPECT_NE(c.error().message.find("the environment variable ZMESH_CONTROLPLANE: "),
            std::string::npos);
  EXPECT_EQ(c.error().message.find("c.yaml:"), std::string::npos) << c.error().message;
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
  for (const char* good : {"127.0.0.1", "127.255.0.255", "'::1'"})
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

TEST(ZhostConfigTest, TracingIsOffUntilAnEndpointIsNamed) {
  const auto off = read("zhost: {id: z1}\n");
  ASSERT_TRUE(off);
  EXPECT_EQ(off->tracing.host, "");
  const auto on =
      read("zhost: {id: z1}\ntracing: {endpoint: \"http://127.0.0.1:4318\", ratio: 0.5}\n");
  ASSERT_TRUE(on) << on.error().message;
  EXPECT_EQ(on->tracing.host, "127.0.0.1");
  EXPECT_EQ(on->tracing.port, 4318);
  EXPECT_EQ(on->tracing.path, "/v1/traces");
  EXPECT_EQ(on->tracing.ratio, 0.5);
  const auto other = read("zhost: {id: z1}\ntracing: {endpoint: \"http://otel:99/in/traces\"}\n");
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_EQ(other->tracing.path, "/in/traces");
  EXPECT_EQ(other->tracing.port, 99);
}

TEST(ZhostConfigTest, AWrongTracingSectionNamesItsLineAndWhatToWrite) {
  for (const auto& [text, why] : std::vector<std::pair<std::string, std::string>>{
           {"tracing: {ratio: 1}", "tracing.endpoint is missing"},
           {"tracing: {endpoint: \"https://h:1\"}", "TLS is not built"},
           {"tracing: {endpoint: \"h:1\"}", "it must be http://HOST:PORT"},
           {"tracing: {endpoint: \"http://h:0\"}", "it must be http://HOST:PORT"},
           {"tracing: {endpoint: \"http://u@h:1\"}", "it must be http://HOST:PORT"},
           {"tracing: {endpoint: \"http://:1\"}", "it must be http://HOST:PORT"},
           {"tracing: {endpoint: \"http://h/x?y\"}", "it must be http://HOST:PORT"},
           {"tracing: {endpoint: \"http://h:1\", ratio: 1.5}", "tracing.ratio is 1.5"},
           {"tracing: {endpoint: \"http://h:1\", ratios: 1}", "ratios"}}) {
    const auto c = read("zhost: {id: z1}\n" + text + "\n");
    ASSERT_FALSE(c) << text;
    EXPECT_NE(c.error().message.find(why), std::string::npos) << c.error().message;
    EXPECT_NE(c.error().message.find("c.yaml:2"), std::string::npos) << c.error().message;
  }
}

TEST(ZhostConfigTest, AddressesForOtherMachinesAreOneOrSeveralAndServicesStayOnLoopback) {
  auto c = read("zhost: {id: z1}\nbind: 127.0.0.3\n");
  ASSERT_TRUE(c);
  EXPECT_EQ(c->outside_bind, std::vector<std::string>{"127.0.0.3"});
  EXPECT_EQ(c->advertise, std::vector<std::string>{"127.0.0.3"});
  c = read("zhost: {id: z1, bind: 10.0.0.5}\n");
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->bind, "127.0.0.1");
  EXPECT_EQ(c->advertise, std::vector<std::string>{"10.0.0.5"});
  c = read("zhost: {id: z1, bind: ['10.0.0.5', 'fd00::5'], advertise: ['192.0.2.5']}\n");
  ASSERT_TRUE(c);
  EXPECT_EQ(c->outside_bind, (std::vector<std::string>{"10.0.0.5", "fd00::5"}));
  EXPECT_EQ(c->advertise, std::vector<std::string>{"192.0.2.5"});
  c = read("zhost: {id: z1, bind: '0.0.0.0', advertise: 10.0.0.5}\n");
  ASSERT_TRUE(c) << c.error().message;
  for (const auto& [text, word] : std::map<std::string, std::string>{
           {"zhost: {id: z1, bind: '0.0.0.0'}\n", "zhost.advertise is missing"},
           {"zhost: {id: z1, bind: here}\n", "'here' is no IP address"},
           {"zhost: {id: z1, advertise: '::'}\n", "nobody can dial"},
           {"zhost: {id: z1}\nbind: 10.0.0.5\n", "loopback only"}}) {
    c = read(text);
    ASSERT_FALSE(c) << text;
    EXPECT_NE(c.error().message.find(word), std::string::npos) << c.error().message;
  }
}

TEST(ZhostConfigTest, AControlPlaneOfIpv6StandsInBrackets) {
  const auto url = parse_control_plane("wss://[fd00::1]:9100/ws");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "fd00::1");
  EXPECT_EQ(url->port, 9100);
  EXPECT_EQ(parse_control_plane("ws://[fd00::1]")->port, 9000);
  EXPECT_FALSE(parse_control_plane("ws://[fd00::1:9000"));
  EXPECT_FALSE(parse_control_plane("ws://[fd00::1]x:9000"));
}

}  // namespace
}  // namespace config
