// SPDX-License-Identifier: Apache-2.0
#pragma once

// A MEX as a folder of sources: manifest.yaml, topology.yaml, spaces/<name>/… . What is a source
// (spaces/<name>/src) stays out of the archive (R-MEX-13); C sources are compiled to core.wasm.

#include <string>

#include "mex/package.h"

namespace mex {

struct SourceTree {
  ManifestSource manifest;
  Files files;  // what goes into the archive
};

// Reads the folder. Links, devices and files past the archive's bounds are refused.
stdx::Result<SourceTree> read_source_tree(const std::string& folder);

// Compiles spaces/<name>/src/*.c into spaces/<name>/core.wasm for each space that has sources.
// `include` is the folder of samoza.h. Messages of the compiler go to stderr.
stdx::Status compile_sources(const std::string& folder, const std::string& include);

// A new project: a topology of one CALL space in C that logs what it gets.
stdx::Status init_source_tree(const std::string& folder, const std::string& name);

}  // namespace mex
