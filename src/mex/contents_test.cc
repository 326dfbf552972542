// SPDX-License-Identifier: Apache-2.0
// What a MEX has to hold, entry by entry and field by field.
#include <gtest/gtest.h>

#include "adapters/crypto/crypto.h"
#include "adapters/zip/zip.h"
#include "mex/package.h"
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
const ManifestSource source{"app", "1.0.0", "me", "2026-04-05T00:00:00Z"};
const std::string head = "apiVersion: samoza/v1\nkind: Topology\n";

// One IO space "a", one UI space "ui", a path from the one to the other.
Files good_files() {
  return {{"topology.yaml", head + "metadata: {name: t, owner: me@home}\n"
                                   "spaces:\n  - {name: a, type: IO}\n  - {name: ui, type: UI}\n"
                                   "paths:\n  - {name: p, from: a, to: ui}\n"},
          {"spaces/a/space.yaml", "type: IO\ncapabilities: [sys.log, sensors.subscribe]\n"},
          {"spaces/a/core.wasm", module},
          {"spaces/ui/space.yaml", "type: UI\ncapabilities: [sys.log]\n"},
          {"spaces/ui/index.html", "<p>hi</p>"},
          {"spaces/ui/assets/page.js", "1;"}};
}
std::string error_of(Files files) {
  std::vector<std::string> findings;
  validate_files(files, findings);
  return findings.empty() ? "" : findings.front();
}
std::string without(const std::string& path) {
  auto files = good_files();
  files.erase(path);
  return error_of(files);
}
std::string with(const std::string& path, const std::string& content) {
  auto files = good_files();
  files[path] = content;
  return error_of(files);
}
std::string archive_error(const Files& files) {
  const auto archive = adapters::zip::write(files);
  EXPECT_TRUE(archive);
  const auto opened = open_archive(*archive, {});
  return opened ? "" : opened.error().message;
}
Files built() {
  return *adapters::zip::read(*build_archive(good_files(), source, std::nullopt));
}

// R-MEX-1: a ZIP archive. R-MEX-2: it holds all that is needed: what is read back is the whole.
TEST(MexContentsTest, RMex6To10TheFilesOfAMexAreRequiredWhereTheyArePublishedAsRequired) {
  EXPECT_EQ(error_of(good_files()), "");
  auto files = built();
  files.erase("manifest.yaml");
  EXPECT_EQ(archive_error(files), "manifest.yaml is missing: this is no MEX");
  EXPECT_EQ(without("topology.yaml"), "topology.yaml is missing");
  EXPECT_EQ(without("spaces/a/space.yaml"), "space 'a': spaces/a/space.yaml is missing");
  EXPECT_EQ(without("spaces/ui/space.yaml"), "space 'ui': spaces/ui/space.yaml is missing")
      << "R-DEC-16: of every space";
  EXPECT_EQ(
      without("spaces/a/core.wasm"),
      "space 'a': its entry spaces/a/core.wasm is missing; put a compiled module there, or its "
      "source into spaces/a/src")
      << "R-SPACE-10: an IO space holds a module";
  EXPECT_EQ(without("spaces/ui/index.html"),
            "space 'ui': its entry spaces/ui/index.html is missing");
  EXPECT_EQ(without("spaces/ui/assets/page.js"), "") << "assets are optional";
  const auto contents = open_archive(*build_archive(good_files(), source, std::nullopt), {});
  ASSERT_TRUE(contents);
  EXPECT_EQ(contents->files.at("spaces/ui/assets/page.js"), "1;");
  EXPECT_EQ(contents->files.size(), good_files().size() + 1);
}

TEST(MexContentsTest, RMex12RecognizersArePackedAndOtherPlacesAreRefused) {
  EXPECT_EQ(with("recognizers/fall/recognizer.yaml", "x"), "");
  EXPECT_EQ(with("extras/x", ""), "extras/x does not belong in a MEX");
}

// R-SPACE-9: a UI space is declared like the other; R-DEC-14: it may have capabilities.
// R-SPACE-6 and R-ANG-7: types are written without the colon, and agents are none of them.
TEST(MexContentsTest, RTopo1To3ATopologySaysWhatItIsAndNamesItsSpacesWithTheirTypes) {
  std::vector<std::string> findings;
  const auto topology = validate_files(good_files(), findings);
  EXPECT_TRUE(findings.empty());
  EXPECT_EQ(topology.name, "t");
  EXPECT_EQ(topology.owner, "me@home");
  ASSERT_EQ(topology.spaces.size(), 2u);
  EXPECT_EQ(topology.spaces[1].type, model::SpaceType::ui);
  EXPECT_EQ(topology.spaces[1].capabilities, std::vector<std::string>{"sys.log"});
  const auto says = [](const std::string& text) { return with("topology.yaml", text); };
  const std::string spaces = "spaces:\n  - {name: a, type: IO}\n  - {name: ui, type: UI}\n";
  EXPECT_NE(
      says("kind: Topology\nmetadata: {name: t}\n" + spaces).find("apiVersion must be samoza/v1"),
      std::string::npos);
  EXPECT_NE(says("apiVersion: samoza/v1\nkind: Pod\nmetadata: {name: t}\n" + spaces)
                .find("kind must be Topology"),
            std::string::npos);
  EXPECT_NE(says(head + spaces).find("metadata is missing"), std::string::npos);
  for (const char* type : {"':IO'", "io", "FUNC", "AGENTIC"})
    EXPECT_NE(says(head + "metadata: {name: t}\nspaces:\n  - {name: a, type: " + type + "}\n"), "")
        << type;
}

// R-TOPO-6 and R-TOPO-7: capabilities and paths of topology.yaml; R-TOPO-8: spaces, paths, modules.
TEST(MexContentsTest, RTopo5To8ATopologyHasTheDataRootCapabilitiesAndPathsOfItsFile) {
  auto files = good_files();
  files["topology.yaml"] =
      head +
      "metadata: {name: t}\nspaces:\n"
      "  - {name: a, type: IO, capabilities: [sys.log]}\n"
      "  - {name: d, type: DATA, path: /results}\n  - {name: ui, type: UI}\n"
      "paths:\n  - {name: p, from: a, to: d}\n  - {name: q, from: d, to: ui}\n";
  files["spaces/d/space.yaml"] = "type: DATA\n";
  files["spaces/d/core.wasm"] = module;
  std::vector<std::string> findings;
  const auto topology = validate_files(files, findings);
  ASSERT_EQ(findings, std::vector<std::string>{});
  EXPECT_EQ(topology.spaces[0].capabilities, std::vector<std::string>{"sys.log"}) << "narrowed";
  EXPECT_EQ(topology.spaces[1].path, "/results");
  EXPECT_EQ(topology.spaces[0].entry, "spaces/a/core.wasm");
  ASSERT_EQ(topology.paths.size(), 2u);
  EXPECT_EQ(topology.paths[1].name, "q");
  EXPECT_EQ(topology.paths[1].from, "d");
  EXPECT_EQ(topology.paths[1].to, "ui");
}

TEST(MexContentsTest, RCfg1And2BudgetsAreThoseOfSpaceYamlOrTheDefaults) {
  std::vector<std::string> findings;
  auto files = good_files();
  const auto limits = [&] { return validate_files(files, findings).spaces[0].limits; };
  EXPECT_EQ(limits().on_init_deadline_ms, 5000u);
  EXPECT_EQ(limits().on_process_watchdog_ms, 10'000u);
  files["spaces/a/space.yaml"] +=
      "runtime: {budgets: {on_init_deadline_ms: 7, on_process_watchdog_ms: 8}}\n";
  EXPECT_EQ(limits().on_init_deadline_ms, 7u);
  EXPECT_EQ(limits().on_process_watchdog_ms, 8u);
  EXPECT_TRUE(findings.empty());
}

// R-MEX-14: apiVersion and kind. R-MEX-16: the topology and the spaces. R-MEX-17: a hash each.
TEST(MexContentsTest, RMex14To19TheManifestSaysWhatTheArchiveIsAndIsWhatIsSigned) {
  const auto key = adapters::crypto::make_key();
  const auto archive = *build_archive(good_files(), source, key.private_key);
  const auto text = adapters::zip::read(archive)->at("manifest.yaml");
  for (const char* line :
       {"apiVersion: \"samoza/v1\"\nkind: \"MEX\"\n", "  name: \"app\"\n  version: \"1.0.0\"\n",
        "  publisher: \"me\"\n  created: \"2026-04-05T00:00:00Z\"\n",
        "spec:\n  topology: \"topology.yaml\"\n  spaces:\n    - \"a\"\n    - \"ui\"\n",
        "integrity:\n  algorithm: \"sha256\"\n", "signature:\n  algorithm: \"ed25519\"\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  const auto manifest = *parse_manifest(text);
  EXPECT_EQ(manifest.file_hashes.size(), good_files().size()) << "R-DEC-18: all but itself";
  EXPECT_EQ(manifest.file_hashes.at("spaces/a/core.wasm"), adapters::crypto::sha256_hex(module));
  EXPECT_TRUE(adapters::crypto::verify(*stdx::base64_decode(manifest.public_key),
                                       text.substr(0, text.find("signature:")),
                                       *stdx::base64_decode(manifest.signature)))
      << "R-MEX-19: the manifest without its signature";
  EXPECT_FALSE(parse_manifest_source("apiVersion: samoza/v1\nkind: Pod\nmetadata: {name: a}\n"));
  EXPECT_FALSE(parse_manifest_source(
      "apiVersion: samoza/v1\nkind: MEX\nmetadata: {name: a, created: yesterday}\n"));
}

// R-MEX-5: found when it is built, with the checks that `mex validate` and submit make (R-DEC-29).
TEST(MexContentsTest, RDec29WhatIsWrongIsFoundAtBuildAndAtSubmitWithTheSameWords) {
  auto files = good_files();
  files["spaces/ui/core.wasm"] = module;
  const auto said = error_of(files);
  EXPECT_EQ(build_archive(files, source, std::nullopt).error().message, said);
  auto archive = built();
  archive["spaces/ui/core.wasm"] = module;
  auto manifest = *parse_manifest(archive["manifest.yaml"]);
  manifest.file_hashes["spaces/ui/core.wasm"] = adapters::crypto::sha256_hex(module);
  archive["manifest.yaml"] = to_text(manifest);
  EXPECT_EQ(archive_error(archive), said);
}

TEST(MexContentsTest, RDec18AFileThatIsMissingOrExtraIsAnError) {
  auto files = built();
  files["spaces/ui/more.html"] = "x";
  EXPECT_EQ(archive_error(files), "spaces/ui/more.html is not in the manifest's integrity table");
  files = built();
  files.erase("spaces/ui/assets/page.js");
  EXPECT_EQ(archive_error(files),
            "spaces/ui/assets/page.js is in the manifest but not in the archive");
}

TEST(MexContentsTest, RDec17AFolderAboveTheEntriesIsRefused) {
  Files folded;
  for (auto& [path, content] : built()) folded["app/" + path] = content;
  EXPECT_EQ(archive_error(folded), "manifest.yaml is missing: this is no MEX");
}

}  // namespace
}  // namespace mex
