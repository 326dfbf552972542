// SPDX-License-Identifier: Apache-2.0
// What each command of `mex` does. All print what came of it (errors to stderr, naming the file and
// the rule) and return the program's exit code: 0 done, 1 failed. Files they write are replaced
// whole or not at all.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace mex_app {

// Lays out a new project in `folder`, from the template of a language (mex/languages.h); the name
// is the folder's where none is given.
int init(const std::string& folder, std::string name, const std::string& language);
// Compiles the sources and checks all files of a project; every finding is printed.
int validate(const std::string& folder);
// Compiles and packs a project; signed where `key_file` (mex keygen) is given. `output` is NAME.mex
// in this folder where it is empty. Says what was not packed.
int build(const std::string& folder, std::string output,
          const std::optional<std::string>& key_file);
int sign(const std::string& file, const std::string& key_file);
// As submit does. `keys` are the public keys to accept; with none any key, or no signature, will
// do.
int verify(const std::string& file, const std::vector<std::string>& keys);
int inspect(const std::string& file);
// Makes an Ed25519 key; never overwrites one.
int keygen(const std::string& file);

}  // namespace mex_app
