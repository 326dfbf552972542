// SPDX-License-Identifier: Apache-2.0
#pragma once

// Compilers as child processes of `mex`: found along PATH, waited for. What they print goes to
// stderr, so that stdout holds only what `mex` itself says.

#include <string>
#include <utility>
#include <vector>

#include "stdx/result.h"

namespace mex {

struct Command {
  std::vector<std::string> arguments;  // the first one is the program
  std::vector<std::pair<std::string, std::string>> environment = {};  // beside that of `mex`
};

// Code::not_found: there is no such program. Code::failed: it did not exit with 0.
stdx::Status run(const Command& command);
// What it printed on stdout, without the newline at the end; stderr is dropped.
stdx::Result<std::string> output_of(const Command& command);

// A folder of this process alone, removed with everything in it at the end.
class TemporaryFolder {
 public:
  static stdx::Result<TemporaryFolder> make_in(const std::string& parent);
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, "")) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace mex
