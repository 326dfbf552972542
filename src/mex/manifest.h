// SPDX-License-Identifier: Apache-2.0
#pragma once

// manifest.yaml of a MEX 0.3.0 (R-MEX-14..19): what the archive is, the hash of every other file,
// and the signature. What is signed is the canonical text, byte for byte what `canonical` gives:
// fixed order, one spelling (docs/mex.md). The manifest in an archive must be that text, followed
// by the signature block where there is one - so no two texts mean the same manifest.

#include <map>
#include <string>
#include <vector>

#include "stdx/bytes.h"
#include "stdx/result.h"

namespace mex {

struct Manifest {
  std::string name, version, publisher, created;
  std::string topology = "topology.yaml";
  std::vector<std::string> spaces;                 // sorted
  std::map<std::string, std::string> file_hashes;  // path -> SHA-256 in lower-case hex
  // Signature, base64; both empty when unsigned.
  std::string public_key, signature;

  bool is_signed() const { return !signature.empty(); }
};

// The text that is signed: the manifest without its signature.
std::string canonical(const Manifest& manifest);
// The file: canonical text and, if signed, the signature block.
std::string to_text(const Manifest& manifest);
// Strict; the text must be exactly what to_text gives for it.
stdx::Result<Manifest> parse_manifest(const std::string& text);

// What an author writes in the source folder: metadata only.
struct ManifestSource {
  std::string name, version = "0.1.0", publisher, created = "1980-01-01T00:00:00Z";
};
stdx::Result<ManifestSource> parse_manifest_source(const std::string& text);

}  // namespace mex
