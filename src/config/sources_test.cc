// SPDX-License-Identifier: Apache-2.0
#include "config/sources.h"

#include <gtest/gtest.h>

#include <set>

#include "adapters/yaml/yaml.h"

namespace config {
namespace {

struct Fixture {
  std::map<std::string, std::string> files;
  std::map<std::string, std::string> environment = {{"HOME", "/home/u"}};

  Sources sources() {
    Sources s;
    s.environment = environment;
    s.exists = [this](const std::string& path) { return files.contains(path); };
    s.read = [this](const std::string& path) -> stdx::Result<std::string> {
      if (files.contains(path)) return files.at(path);
      return stdx::fail(stdx::Code::not_found, path + ": No such file or directory");
    };
    s.parse = adapters::yaml::parse;
    return s;
  }
  std::string chosen(const std::string& given = "") {
    const auto choice = choose(given, sources());
    return choice ? choice->file : choice.error().message;
  }
};

TEST(ConfigSourcesTest, TheFirstPlaceThatHasAFileIsTaken) {
  Fixture f;
  f.files["/etc/samoza/zhost.yaml"] = "";
  EXPECT_EQ(f.chosen(), "/etc/samoza/zhost.yaml");
  f.files["/home/u/.config/samoza/zhost.yaml"] = "";
  EXPECT_EQ(f.chosen(), "/home/u/.config/samoza/zhost.yaml");
  f.files["/x/samoza/zhost.yaml"] = "";
  f.environment["XDG_CONFIG_HOME"] = "/x";
  EXPECT_EQ(f.chosen(), "/x/samoza/zhost.yaml");
  f.files["zhost.yaml"] = "";
  EXPECT_EQ(f.chosen(), "zhost.yaml");
  f.environment["SAMOZA_CONFIG"] = "named.yaml";
  EXPECT_EQ(f.chosen(), "named.yaml")
      << "even where it is not there: another one is not what was meant";
  EXPECT_EQ(f.chosen("given.yaml"), "given.yaml");
  EXPECT_EQ(choose("", f.sources())->why, "as SAMOZA_CONFIG says");
}

TEST(ConfigSourcesTest, WithoutAnyItIsSaidWhereItWasLookedFor) {
  Fixture f;
  const auto none = choose("", f.sources());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, stdx::Code::not_found);
  for (const char* place : {"--config", "SAMOZA_CONFIG", "./zhost.yaml",
                            "/home/u/.config/samoza/zhost.yaml", "/etc/samoza/zhost.yaml"})
    EXPECT_NE(none.error().message.find(place), std::string::npos) << place;
  f.environment.clear();
  EXPECT_EQ(f.chosen().find(".config"), std::string::npos)
      << "without a home there is none to look in";
}

TEST(ConfigSourcesTest, AFileIsReadWithWhatTheEnvironmentOverrides) {
  Fixture f;
  f.files["z.yaml"] = "zhost: {region: a}\n";
  f.environment["ZMESH_ZHOST_ID"] = "z9";
  const auto loaded = load("z.yaml", f.sources());
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->zhost_id, "z9");
  EXPECT_EQ(load("none.yaml", f.sources()).error().message, "none.yaml: No such file or directory");
  f.files["z.yaml"] = "zhost: [";
  EXPECT_NE(load("z.yaml", f.sources()).error().message.find("z.yaml:1"), std::string::npos);
}

TEST(ConfigSourcesTest, EveryVariableThatDecidesIsListedOnce) {
  const std::set<std::string> names(variables().begin(), variables().end());
  EXPECT_EQ(names.size(), variables().size());
  for (const char* name : {"SAMOZA_CONFIG", "ZMESH_ZHOST_ID", "ZMESH_CLUSTER", "ZMESH_CONTROLPLANE",
                           "ZMESH_REGION", "ZMESH_JOIN_TOKEN_FILE", "HOME", "XDG_STATE_HOME"})
    EXPECT_TRUE(names.contains(name)) << name;
}

TEST(ConfigSourcesTest, TheLastStateFolderIsNotedPerZhostClusterAndAddress) {
  Fixture f;
  ZhostConfig c;
  c.zhost_id = "z1";
  c.cluster_id = "c1";
  c.bind = "127.0.0.2";
  EXPECT_EQ(last_state_file(c, f.sources()),
            "/home/u/.local/state/samoza/c1/z1.127.0.0.2.state_dir");
  f.environment.clear();
  EXPECT_EQ(last_state_file(c, f.sources()), "");
}

}  // namespace
}  // namespace config
