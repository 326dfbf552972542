// SPDX-License-Identifier: Apache-2.0
#include "mex/package.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "adapters/crypto/crypto.h"
#include "mex/topology_yaml.h"
#include "stdx/encoding.h"

namespace mex {
namespace {

// (module (memory (export "memory") 1) (func (export "on_process") (result i32) i32.const 0))
const std::string module(
    "\0asm\1\0\0\0"
    "\x01\x05\x01\x60\x00\x01\x7f"
    "\x03\x02\x01\x00"
    "\x05\x03\x01\x00\x01"
    "\x07\x17\x02\x06memory\x02\x00\x0aon_process\x00\x00"
    "\x0a\x06\x01\x04\x00\x41\x00\x0b",
    8 + 7 + 4 + 5 + 25 + 8);

Files good_files() {
  return {{"topology.yaml",
           "apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: t}\n"
           "spaces:\n  - {name: a, type: CALL}\n  - {name: ui, type: UI}\n"
           "paths:\n  - {name: p, from: a, to: ui}\n"},
          {"spaces/a/space.yaml", "type: CALL\ncapabilities: [sys.log]\n"},
          {"spaces/a/core.wasm", module},
          {"spaces/ui/space.yaml", "type: UI\n"},
          {"spaces/ui/index.html", "<p>hi</p>"}};
}
const ManifestSource source{"app", "1.0.0", "me", "2026-04-05T00:00:00Z"};

std::string error_of(Files files) {
  std::vector<std::string> findings;
  validate_files(files, findings);
  return findings.empty() ? "" : findings.front();
}

TEST(MexTest, RMex24TheSameSourceGivesAByteIdenticalArchive) {
  const auto a = build_archive(good_files(), source, std::nullopt);
  ASSERT_TRUE(a) << a.error().message;
  EXPECT_EQ(*a, *build_archive(good_files(), source, std::nullopt));
  const auto contents = open_archive(*a, {});
  ASSERT_TRUE(contents) << contents.error().message;
  EXPECT_EQ(contents->topology.spaces.size(), 2u);
  EXPECT_EQ(contents->manifest.spaces, (std::vector<std::string>{"a", "ui"}));
}

TEST(MexTest, RMex3TamperingWithAnyByteIsRefused) {
  const auto key = adapters::crypto::make_key();
  const auto archive = *build_archive(good_files(), source, key.private_key);
  const TrustPolicy prod{false, {stdx::base64_encode(key.public_key)}};
  const auto good = open_archive(archive, prod);
  ASSERT_TRUE(good);
  for (std::size_t i = 0; i < archive.size(); ++i) {
    auto tampered = archive;
    tampered[i] = static_cast<char>(tampered[i] ^ 0x41);
    const auto opened = open_archive(tampered, prod);
    // Deflate has more than one way to say the same: about one key in sixty gives a manifest with a
    // byte whose change changes nothing of the content. The archive's hash tells them apart.
    EXPECT_TRUE(!opened || opened->files == good->files) << "byte " << i;
  }
}

TEST(MexTest, RDec19AWrongSignatureIsRefusedUnderEveryPolicyAndNoneOnlyUnderProd) {
  const auto key = adapters::crypto::make_key();
  const auto plain = *build_archive(good_files(), source, std::nullopt);
  EXPECT_TRUE(open_archive(plain, {}));
  EXPECT_EQ(open_archive(plain, {false, {}}).error().code, stdx::Code::denied);
  const auto signed_archive = *sign_archive(plain, key.private_key);
  EXPECT_TRUE(open_archive(signed_archive, {}));
  EXPECT_EQ(open_archive(signed_archive, {false, {"other"}}).error().code, stdx::Code::denied);
  auto files = *adapters::zip::read(signed_archive);
  auto manifest = *parse_manifest(files["manifest.yaml"]);
  manifest.version = "2.0.0";
  files["manifest.yaml"] = to_text(manifest);
  EXPECT_EQ(open_archive(*adapters::zip::write(files), {}).error().code, stdx::Code::denied);
}

TEST(MexTest, RMex21EachRuleNamesWhatBreaksIt) {
  auto files = good_files();
  files.erase("spaces/a/space.yaml");
  EXPECT_EQ(error_of(files), "space 'a': spaces/a/space.yaml is missing");
  files = good_files();
  files["spaces/ui/core.wasm"] = module;
  EXPECT_EQ(error_of(files), "space 'ui': a UI space holds no WebAssembly (R-SPACE-10)");
  files = good_files();
  files["spaces/ghost/x"] = "";
  EXPECT_EQ(error_of(files), "spaces/ghost/x is of no space of the topology");
  files = good_files();
  files["readme.txt"] = "";
  EXPECT_EQ(error_of(files), "readme.txt does not belong in a MEX");
  files = good_files();
  files["spaces/a/space.yaml"] = "type: CALL\ncapabilities: [data.write]\n";
  EXPECT_TRUE(error_of(files).starts_with(
      "spaces/a/space.yaml:2: space 'a': a space of type CALL may not use 'data.write'"))
      << error_of(files);
  files = good_files();
  files["topology.yaml"] =
      "apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: t}\n"
      "spaces:\n  - {name: a, type: CALL, capabilities: [data.write]}\n";
  files["spaces/a/space.yaml"] = "type: CALL\ncapabilities: [data.write]\n";
  EXPECT_TRUE(error_of(files).starts_with(
      "topology.yaml:5: space 'a': a space of type CALL may not use 'data.write'"))
      << "there both say it, and topology.yaml decides: " << error_of(files);
  files = good_files();
  files["spaces/a/space.yaml"] = "type: CALL\nplacement:\n  anti_affinity: [ghost]\n";
  EXPECT_TRUE(error_of(files).starts_with("spaces/a/space.yaml:3: space 'a'")) << error_of(files);
  files = good_files();
  files["spaces/a/core.wasm"] = "junk";
  EXPECT_NE(error_of(files).find("spaces/a/core.wasm"), std::string::npos);
  files = good_files();
  files["spaces/a/space.yaml"] = "type: CALL\nlimit: {}\n";
  EXPECT_EQ(error_of(files),
            "spaces/a/space.yaml:2: unknown key 'limit' in space.yaml; did you mean 'limits'?");
}

TEST(MexTest, SpaceYamlOpensASpaceToMessagesAndRequestsFromOutside) {
  auto files = good_files();
  files["spaces/a/space.yaml"] += "ingress: true\nhttp: {route: /shop}\n";
  const auto contents = open_archive(*build_archive(files, source, std::nullopt), {});
  ASSERT_TRUE(contents);
  EXPECT_TRUE(contents->topology.spaces.front().ingress);
  EXPECT_EQ(contents->topology.spaces.front().route, "/shop");
  files = good_files();
  files["spaces/a/space.yaml"] += "http: {rout: /shop}\n";
  EXPECT_NE(error_of(files).find("did you mean 'route'"), std::string::npos) << error_of(files);
  files = good_files();
  files["spaces/a/space.yaml"] += "http: {route: /healthz}\n";
  EXPECT_NE(error_of(files).find("services' own"), std::string::npos) << error_of(files);
  files = good_files();
  files["spaces/ui/space.yaml"] += "ingress: true\n";
  EXPECT_NE(error_of(files).find("ingress"), std::string::npos) << error_of(files);
}

TEST(MexTest, RAbi24SpaceYamlSaysWhenOnProcessIsCalledWithoutAMessage) {
  const auto idle_of = [](const std::string& line) {
    auto files = good_files();
    files["spaces/a/space.yaml"] += line;
    const auto contents = open_archive(*build_archive(files, source, std::nullopt), {});
    return contents->topology.spaces.front().idle;
  };
  EXPECT_EQ(idle_of(""), model::Idle::back_off) << "as published guests know it";
  EXPECT_EQ(idle_of("idle: back-off\n"), model::Idle::back_off);
  EXPECT_EQ(idle_of("idle: wait\n"), model::Idle::wait);
  auto files = good_files();
  files["spaces/a/space.yaml"] += "idle: sometimes\n";
  EXPECT_NE(error_of(files).find("idle is 'sometimes'; it must be wait"), std::string::npos)
      << error_of(files);
  files = good_files();
  files["spaces/ui/space.yaml"] += "idle: wait\n";
  EXPECT_NE(error_of(files).find("a UI space has no on_process"), std::string::npos);
}

TEST(MexTest, RDec11TopologyYamlNarrowsCapabilitiesAndNeverWidensThem) {
  auto files = good_files();
  files["topology.yaml"] =
      "apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: t}\n"
      "spaces:\n  - {name: a, type: CALL, capabilities: [http.outbound]}\n  - {name: ui, type: "
      "UI}\n";
  EXPECT_NE(error_of(files).find("which space.yaml does not declare"), std::string::npos);
}

TEST(MexTest, RTopo4EachSpaceOfAStandAloneTopologyNamesItsMexRelativeToTheFile) {
  const auto read = [](const std::string& spaces, std::vector<std::string>& findings) {
    return read_standalone(
        "apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: t}\nspaces:\n" + spaces, "t.yaml",
        findings);
  };
  std::vector<std::string> findings;
  const auto topology =
      read("  - {name: a, type: CALL, mex: parts/a.mex}\npaths:\n  - {from: a, to: a}\n", findings);
  EXPECT_EQ(findings, std::vector<std::string>{});
  EXPECT_EQ(topology.spaces.at(0).mex, "parts/a.mex");
  EXPECT_EQ(topology.paths.at(0).name, "a-a");
  read("  - {name: a, type: CALL}\n  - {name: b, type: CALL, mex: /b.mex}\n", findings);
  EXPECT_EQ(findings,
            (std::vector<std::string>{
                "t.yaml:5: space 'a': mex is missing; each space of a stand-alone topology "
                "names the MEX it comes from (R-TOPO-4)",
                "t.yaml:6: space 'b': mex '/b.mex' must be a path relative to t.yaml "
                "(R-TOPO-4)"}));
  findings.clear();
  read("  - {name: a, type: CALL, mex: a.mex}\npaths:\n  - {name: p, from: a, to: b}\n", findings);
  EXPECT_EQ(findings, std::vector<std::string>{"t.yaml:7: path 'p': to space 'b' does not exist"});
}

TEST(MexTest, TheSignedArchiveOfTheFuzzCorpusPassesEveryCheckSoThatFuzzingGetsBehindThem) {
  std::ifstream file(SAMOZA_FUZZ_CORPUS "/mex/signed.mex", std::ios::binary);
  const stdx::Bytes archive{std::istreambuf_iterator<char>(file), {}};
  const auto contents = open_archive(archive, {});
  ASSERT_TRUE(contents) << contents.error().message;
  EXPECT_TRUE(contents->manifest.is_signed());
  EXPECT_EQ(contents->topology.spaces.size(), 2u);
}

TEST(MexTest, AManifestThatIsNotInItsOneFormIsRefused) {
  auto files = *adapters::zip::read(*build_archive(good_files(), source, std::nullopt));
  files["manifest.yaml"] += "# a comment\n";
  EXPECT_FALSE(open_archive(*adapters::zip::write(files), {}));
}

}  // namespace
}  // namespace mex
