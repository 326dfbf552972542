// SPDX-License-Identifier: Apache-2.0
#pragma once

// A MEX as a folder of sources: manifest.yaml, topology.yaml, spaces/<name>/… . Nothing is ever
// written into it.
//
// Packed: manifest.yaml, topology.yaml, world/layout.yaml, recognizers/; of a space with a module
// its space.yaml and its module; of a UI space everything but hidden files and editors' backups
// (R-MEX-6..13). What is not packed is listed, a folder once.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mex/package.h"

namespace mex {

struct SourceTree {
  ManifestSource manifest;
  Files files;                        // what goes into the archive
  std::vector<std::string> left_out;  // a folder ends with '/'
  std::vector<std::string> notes;     // what the author should know besides
};

// Where compilers find the SDK and leave what they make.
struct BuildFolders {
  std::string sdk;                 // of samoza.h
  std::string temporary = "/tmp";  // emptied again
  std::string cache =
      "";  // for compilers that build anew only what changed; empty: they keep nothing
};

// Reads the folder; a space with sources and without a module is compiled (mex/languages.h).
// Refused: a link or device among what is packed, names that differ only
// in the case of letters, files past the archive's bounds. Messages of compilers go to stderr.
stdx::Result<SourceTree> read_source_tree(const std::string& folder, const BuildFolders& folders);

}  // namespace mex
