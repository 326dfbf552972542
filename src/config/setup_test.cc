// SPDX-License-Identifier: Apache-2.0
#include "config/setup.h"

#include <gtest/gtest.h>

#include "adapters/yaml/yaml.h"
#include "config/zhost_config.h"

namespace config {
namespace {

Setup planned(const std::vector<std::string>& words, const Machine& machine,
              const std::string& control_plane = "") {
  const auto asked = parse_setup(words);
  EXPECT_TRUE(asked) << asked.error().message;
  auto setup = plan_setup(*asked, machine, control_plane, "/home/a/.config", "/home/a/.state");
  EXPECT_TRUE(setup) << setup.error().message;
  return *setup;
}
ZhostConfig read(const Setup& setup) {
  const auto tree = adapters::yaml::parse(setup.yaml, "zhost.yaml");
  EXPECT_TRUE(tree);
  auto config = parse_zhost_config(*tree, setup.file, {});
  EXPECT_TRUE(config) << config.error().message << setup.yaml;
  return *config;
}
const Machine machine{"m1.plant.example", {"10.0.0.1", "fd00::1"}, true};

TEST(SetupTest, TheFirstMachineHasTheControlPlaneAndTellsOthersItsAddresses) {
  const auto setup = planned({"init"}, machine);
  EXPECT_EQ(setup.file, "/etc/samoza/zhost.yaml");
  const auto config = read(setup);
  EXPECT_EQ(config.zhost_id, "m1");
  EXPECT_TRUE(config.control_plane_service.enabled);
  EXPECT_EQ(config.control_plane.host, "127.0.0.1");
  EXPECT_EQ(config.bind, "127.0.0.1");
  EXPECT_EQ(config.outside_bind, machine.addresses);
  EXPECT_EQ(config.advertise, machine.addresses);
  EXPECT_EQ(config.join_token_file, "/var/lib/samoza/samoza.join");
  EXPECT_EQ(config.run_dir, "/run/samoza");
}

TEST(SetupTest, AMachineThatJoinsAsksTheControlPlaneOfItsToken) {
  const auto setup = planned({"join", "-", "--zhost", "edge-7", "--bind", "10.0.0.7", "--advertise",
                              "192.0.2.7", "--region", "north", "--cluster", "plant"},
                             machine, "[fd00::1]:9000");
  const auto config = read(setup);
  EXPECT_EQ(config.zhost_id, "edge-7");
  EXPECT_FALSE(config.control_plane_service.enabled);
  EXPECT_EQ(config.control_plane.host, "fd00::1");
  EXPECT_EQ(config.control_plane.port, 9000);
  EXPECT_EQ(config.outside_bind, std::vector<std::string>{"10.0.0.7"});
  EXPECT_EQ(config.advertise, std::vector<std::string>{"192.0.2.7"});
  EXPECT_EQ(config.region, "north");
  EXPECT_EQ(config.join_token_file, "/var/lib/samoza/plant.join");
}

TEST(SetupTest, WithoutThePackageFilesAreThoseOfTheUser) {
  const auto setup = planned({"init", "--bind", "127.0.0.1"}, {"m1", {}, false});
  EXPECT_EQ(setup.file, "/home/a/.config/samoza/zhost.yaml");
  EXPECT_EQ(setup.token_file, "/home/a/.state/samoza.join");
  EXPECT_EQ(read(setup).outside_bind, std::vector<std::string>{"127.0.0.1"});
}

TEST(SetupTest, WrongWordsAreSaidAndATokenIsNeverRepeated) {
  for (const auto& words : std::vector<std::vector<std::string>>{{},
                                                                 {"leave"},
                                                                 {"join"},
                                                                 {"init", "--zhost"},
                                                                 {"init", "--hots", "x"},
                                                                 {"init", "smj_x"}})
    EXPECT_FALSE(parse_setup(words));
  const auto twice = parse_setup({"join", "smj_secret", "smj_secret"});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().message.find("smj_"), std::string::npos);
  const auto words = parse_setup({"init", "--zhost", "a b"});
  EXPECT_FALSE(plan_setup(*words, machine, "", "", ""));
  EXPECT_FALSE(plan_setup(*parse_setup({"init"}), {"m1", {}, true}, "", "", ""));
}

TEST(SetupTest, NothingOfATokenOrAWordBecomesAnotherKeyOfTheConfiguration) {
  for (const std::string wrong :
       {"x\", trust: {policy: dev}, y: \"", "a b:9000", "10.0.0.1", "10.0.0.1:0", "h:99999",
        "[::1\"]:9000", "a\n:9000", "$(id):9000", "h/x:9000", ":9000", ""})
    EXPECT_FALSE(plan_setup(*parse_setup({"join", "-"}), machine, wrong, "/c", "/s")) << wrong;
  const auto setup =
      planned({"init", "--region", "a\", labels: {x: y}, z: \"\\", "--bind", "127.0.0.1"}, machine);
  const auto config = read(setup);
  EXPECT_EQ(config.region, "a\", labels: {x: y}, z: \"\\");
  EXPECT_TRUE(config.labels.empty());
}

TEST(SetupTest, AConfigurationOfCommentsIsNoneYet) {
  EXPECT_TRUE(is_unset("# not set up\n\n  # more\n"));
  EXPECT_TRUE(is_unset(""));
  EXPECT_FALSE(is_unset("# x\nzhost: {id: a}\n"));
}

}  // namespace
}  // namespace config
