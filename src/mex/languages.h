// SPDX-License-Identifier: Apache-2.0
#pragma once

// The languages that `mex build` compiles a space's folder `src` from, each with the compiler that
// its users have anyway. What is built is a reactor: a module that exports on_process and has no
// main to run.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stdx/result.h"

namespace mex {

struct BuildRequest {
  std::string project;  // the folder of manifest.yaml
  std::string source;   // spaces/<name>/src of it
  std::string output;   // the module to write
  std::string scratch;  // an empty folder for this build alone
  std::string cache;    // kept between builds of this space; empty: there is none
  std::string sdk;      // the folder of samoza.h
  // `build.stack` of space.yaml. Of C, C++, Rust and Zig; the others lay their stacks out
  // themselves.
  std::optional<std::uint64_t> stack_bytes = std::nullopt;
};

inline constexpr std::uint64_t c_stack_bytes = 64u << 10, zig_stack_bytes = 1u << 20;

struct Language {
  const char* option;  // of `mex init --lang`
  const char* name;
  // Whether the files of a folder `src` are in this language.
  bool (*recognises)(const std::vector<std::string>& file_names);
  stdx::Status (*build)(const BuildRequest& request);
};

const std::vector<Language>& languages();
// The language of a source folder. Code::not_found: none that is known. Code::invalid: more than
// one.
stdx::Result<const Language*> language_of(const std::string& source);

// The folder `cache` of a request, made and marked as used; beside it stay the build_caches_max - 1
// that were used last. `scratch` where there is none.
inline constexpr std::size_t build_caches_max = 16;
std::string use_build_cache(const BuildRequest& request);

// C and C++ (languages_c.cc), with the libraries that are installed.
struct CLibraries {
  bool c = false;    // wasi-libc, and the compiler's own for wasm32
  bool cxx = false;  // libc++ for it
};
const CLibraries& installed_c_libraries();
stdx::Status build_c(const BuildRequest& request, const CLibraries& libraries);

}  // namespace mex
