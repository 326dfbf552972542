// SPDX-License-Identifier: Apache-2.0
#pragma once

// Compiles modules outside the process that runs guests: each in a child process (zrun-compile)
// with bounds on time and memory, so that a module made to be expensive costs its own space an
// error and nobody else anything. What was compiled is kept in a folder by the hash of the module,
// the version of the engine and the features of the CPU, and verified before it is used again.
//
// An artifact is machine code: the folder must be private to this user. Calls block; they are for
// threads of the engine, several at a time.

#include <cstdint>
#include <string>

#include "stdx/bytes.h"
#include "stdx/result.h"
#include "stdx/time.h"

namespace adapters::wasmtime {

class Compiler {
 public:
  struct Options {
    std::string program;  // zrun-compile
    std::string folder;   // of the artifacts; made where it is missing. Empty: nothing is kept
    std::uint64_t memory_bytes = 2ull << 30;  // of the child
    stdx::Duration time = std::chrono::seconds(60);
    std::uint64_t folder_bytes_max = 1ull << 30;  // the artifacts used longest ago are removed
  };

  explicit Compiler(Options options);

  // The artifact that was kept, if it is there and whole. One that is not is removed.
  // Code::not_found; Code::corrupt.
  stdx::Result<stdx::Bytes> look_up(stdx::BytesView module) const;
  // Compiles in a child and keeps the artifact. Code::invalid: the module is not valid. Code::full:
  // it took more than `time` or `memory_bytes`; the message names the limit's key in the
  // configuration. Code::failed: the child could not be run.
  stdx::Result<stdx::Bytes> compile(stdx::BytesView module) const;
  // The engine did not take it (another version or CPU): it is compiled anew.
  void forget(stdx::BytesView module) const;

 private:
  std::string path_of(stdx::BytesView module) const;
  void keep(stdx::BytesView module, stdx::BytesView artifact) const;
  void make_room(std::uint64_t bytes) const;

  Options options_;
  std::string engine_and_cpu_;  // in the names of artifacts
};

// What zrun-compile does: a module from descriptor `in` becomes an artifact in descriptor `out`; an
// error goes to stderr. The exit code of the program.
int compile_for_parent(int in, int out);

}  // namespace adapters::wasmtime
