// SPDX-License-Identifier: Apache-2.0
#pragma once

// A MEX in memory, and the one set of checks that build, verify and submit share (R-DEC-29).

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "adapters/zip/zip.h"
#include "mex/manifest.h"
#include "model/topology.h"
#include "stdx/result.h"

namespace mex {

using adapters::zip::Files;

struct Contents {
  Manifest manifest;
  model::Topology topology;
  Files files;
};

// Everything of R-MEX-21 over the files of a MEX (without manifest.yaml): directory shape,
// topology, capabilities, types, modules. One finding a line; the topology as far as it could be
// read.
model::Topology validate_files(const Files& files, std::vector<std::string>& findings);

struct TrustPolicy {
  bool accept_unsigned = true;         // `dev`
  std::set<std::string> trusted_keys;  // base64; empty: any key (dev only)
};

// The whole of an archive, checked: ZIP rules, manifest, every hash, the signature, then
// validate_files. The first thing that is wrong is the error.
stdx::Result<Contents> open_archive(stdx::BytesView archive, const TrustPolicy& policy);

// An archive from the files of a source folder, signed where a private key (32 bytes) is given.
// Code::invalid for a key that is none; never unsigned instead.
stdx::Result<stdx::Bytes> build_archive(Files files, const ManifestSource& source,
                                        const std::optional<stdx::Bytes>& private_key);
// The same archive with a signature of that key.
stdx::Result<stdx::Bytes> sign_archive(stdx::BytesView archive, stdx::BytesView private_key);

}  // namespace mex
