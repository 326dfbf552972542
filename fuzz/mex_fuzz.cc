// SPDX-License-Identifier: Apache-2.0
// Attacks what a submitted MEX can hold: the ZIP scan and read, then manifest, hashes, signature,
// topology and modules. Hashes and the signature stop a mutated archive early, so the same bytes
// also go past them: as the one changed file of a good archive, picked by the first byte.
// Properties: what is read is written and read to the same; a changed archive is never "signed".
#include <cstdint>

#include "adapters/zip/zip.h"
#include "fuzz/require.h"
#include "mex/package.h"
#include "wasm/interface.h"

namespace {

void archive(stdx::BytesView bytes) {
  const auto files = adapters::zip::read(bytes);
  if (adapters::zip::scan(bytes).has_value() == false) REQUIRE(!files);
  if (!files) return;
  for (const auto& [name, content] : *files) REQUIRE(adapters::zip::is_safe_name(name));
  if (const auto written = adapters::zip::write(*files)) {
    const auto again = adapters::zip::read(*written);
    REQUIRE(again && *again == *files);
  }
  const auto contents = mex::open_archive(bytes, {});
  if (!contents) return;
  // No key is trusted here, so no archive may pass.
  REQUIRE(!mex::open_archive(bytes, {false, {"none"}}));
  REQUIRE(!contents->topology.spaces.empty());
}

void one_file(stdx::BytesView bytes) {
  if (bytes.empty()) return;
  mex::Files files = {{"topology.yaml",
                       "apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: t}\n"
                       "spaces:\n  - {name: a, type: CALL}\n"},
                      {"spaces/a/space.yaml", "type: CALL\n"},
                      {"spaces/a/core.wasm", stdx::Bytes("\0asm\1\0\0\0", 8)}};
  constexpr const char* names[] = {"topology.yaml", "spaces/a/space.yaml", "spaces/a/core.wasm",
                                   "world/layout.yaml"};
  files[names[static_cast<std::uint8_t>(bytes[0]) % 4]] = stdx::Bytes(bytes.substr(1));
  std::vector<std::string> findings;
  (void)mex::validate_files(files, findings);
  (void)wasm::read_interface(bytes.substr(1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const stdx::BytesView bytes(reinterpret_cast<const char*>(data), size);
  archive(bytes);
  one_file(bytes);
  return 0;
}
