// SPDX-License-Identifier: Apache-2.0
#include "model/assemble.h"

#include <gtest/gtest.h>

namespace model {
namespace {

Space space(const std::string& name, SpaceType type, const std::string& entry) {
  Space s;
  s.name = name;
  s.type = type;
  s.entry = entry;
  return s;
}

// detector.mex holds only `core`; pair.mex holds `store` and `page`.
std::map<std::string, Topology> archives() {
  Topology detector{.name = "d", .owner = "", .spaces = {}, .paths = {}};
  detector.spaces = {space("core", SpaceType::call, "spaces/core/core.wasm")};
  detector.spaces[0].capabilities = {"http.outbound", "sys.log"};
  detector.spaces[0].config = {{"A", "1"}, {"B", "1"}};
  Topology pair{.name = "p", .owner = "", .spaces = {}, .paths = {}};
  pair.spaces = {space("page", SpaceType::ui, "spaces/page/index.html"),
                 space("store", SpaceType::data, "spaces/store/core.wasm")};
  pair.paths = {{.name = "inner", .from = "store", .to = "page"}};
  return {{"aa", detector}, {"bb", pair}};
}

Topology asked() {
  Topology topology{.name = "app", .owner = "", .spaces = {}, .paths = {}};
  topology.spaces = {space("detector", SpaceType::call, ""), space("store", SpaceType::data, "")};
  topology.spaces[0].mex = "detector.mex";
  topology.spaces[0].mex_sha256 = "aa";
  topology.spaces[1].mex = "pair.mex";
  topology.spaces[1].mex_sha256 = "bb";
  topology.paths = {{.name = "results", .from = "detector", .to = "store"}};
  return topology;
}

std::vector<std::string> findings_of(const Topology& topology) {
  std::vector<std::string> findings;
  assemble(topology, archives(), findings);
  return findings;
}

TEST(AssembleTest, RTopo4ASpaceIsTheOneOfItsNameInItsMexOrTheOnlyOne) {
  std::vector<std::string> findings;
  auto topology = asked();
  topology.spaces[0].config = {{"B", "2"}};
  const auto whole = assemble(topology, archives(), findings);
  ASSERT_EQ(findings, std::vector<std::string>{});
  ASSERT_EQ(whole.spaces.size(), 2u);
  EXPECT_EQ(whole.spaces[0].name, "detector");
  EXPECT_EQ(whole.spaces[0].entry, "spaces/core/core.wasm");
  EXPECT_EQ(whole.spaces[0].mex_sha256, "aa");
  EXPECT_EQ(whole.spaces[0].config, (std::map<std::string, std::string>{{"A", "1"}, {"B", "2"}}));
  EXPECT_EQ(whole.spaces[1].entry, "spaces/store/core.wasm");
  EXPECT_EQ(whole.spaces[1].store, StoreKind::local);
  ASSERT_EQ(whole.paths.size(), 1u) << "paths inside a MEX are not taken";
  EXPECT_EQ(whole.paths[0].name, "results");
}

TEST(AssembleTest, RTopo4ASpaceThatIsNotInAMexOfSeveralIsNamedWithThatMex) {
  auto topology = asked();
  topology.spaces[1].name = "archive";
  topology.paths[0].to = "archive";
  EXPECT_EQ(findings_of(topology),
            std::vector<std::string>{
                "space 'archive': pair.mex has no space of that name, and more than one (page, "
                "store); name the space as its MEX does (R-TOPO-4)"});
  topology = asked();
  topology.spaces[0].mex_sha256 = "";
  EXPECT_NE(findings_of(topology)[0].find("space 'detector': names no MEX"), std::string::npos);
}

TEST(AssembleTest, RDec11AStandAloneTopologyNarrowsCapabilitiesAndNeverWidensThem) {
  std::vector<std::string> findings;
  auto topology = asked();
  topology.spaces[0].capabilities = {"sys.log"};
  EXPECT_EQ(assemble(topology, archives(), findings).spaces[0].capabilities,
            std::vector<std::string>{"sys.log"});
  EXPECT_TRUE(findings.empty());
  topology.spaces[0].capabilities = {"agent.invoke"};
  EXPECT_NE(findings_of(topology)[0].find("detector.mex does not declare 'agent.invoke'"),
            std::string::npos);
}

TEST(AssembleTest, RTopo3TheTypeMustBeTheOneOfTheMex) {
  auto topology = asked();
  topology.spaces[0].type = SpaceType::io;
  EXPECT_EQ(findings_of(topology)[0],
            "space 'detector': detector.mex holds a space of type CALL, not IO (R-TOPO-3)");
}

TEST(AssembleTest, RTopo7PathsToUnknownSpacesAndDuplicatesAreNamed) {
  auto topology = asked();
  topology.paths[0].to = "nowhere";
  EXPECT_EQ(findings_of(topology)[0], "path 'results': to space 'nowhere' does not exist");
  topology = asked();
  topology.paths.push_back(topology.paths[0]);
  EXPECT_EQ(findings_of(topology)[0], "path 'results' is declared twice");
  topology = asked();
  topology.spaces.push_back(topology.spaces[0]);
  EXPECT_EQ(findings_of(topology)[0], "space 'detector' is declared twice");
}

}  // namespace
}  // namespace model
