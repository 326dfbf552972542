// SPDX-License-Identifier: Apache-2.0
// Attacks every YAML an operator or author hands in: the strict parser, then each reader of its
// tree - the zhost's configuration, topology.yaml with space.yaml, layout.yaml, both manifests.
#include <cstdint>

#include "adapters/yaml/yaml.h"
#include "config/zhost_config.h"
#include "fuzz/require.h"
#include "mex/layout.h"
#include "mex/manifest.h"
#include "mex/topology_yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  if (const auto manifest = mex::parse_manifest(text)) REQUIRE(mex::to_text(*manifest) == text);
  (void)mex::parse_manifest_source(text);
  (void)config::parse_control_plane(text);
  const auto root = adapters::yaml::parse(text, "f.yaml");
  if (!root) return 0;
  (void)config::parse_zhost_config(*root, "f.yaml", {});
  (void)config::parse_zhost_config(*root, "f.yaml", {{"ZMESH_CONTROLPLANE", text}});
  std::vector<std::string> findings;
  mex::check_layout(text, {"a"}, findings);
  findings.clear();
  // The same text as topology.yaml and as the space.yaml of every space it names.
  const auto topology =
      mex::read_topology([&](const std::string&) -> stdx::Result<std::string> { return text; },
                         "topology.yaml", findings);
  (void)model::validate(topology);
  findings.clear();
  // And with a space.yaml that is right, so that the rest of topology.yaml is read.
  (void)mex::read_topology(
      [&](const std::string& path) -> stdx::Result<std::string> {
        return path == "topology.yaml" ? text : "type: CALL\ncapabilities: [sys.log]\n";
      },
      "topology.yaml", findings);
  return 0;
}
