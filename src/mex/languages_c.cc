// SPDX-License-Identifier: Apache-2.0
// C and C++ by clang-19. With wasi-libc installed a guest has the C library (and with libc++ that
// of C++); without it, the few functions that the compiler itself calls come from the SDK.
#include <algorithm>
#include <filesystem>

#include "mex/command.h"
#include "mex/languages.h"
#include "stdx/text.h"

namespace mex {
namespace {

namespace fs = std::filesystem;
using stdx::Code;
using stdx::format;

// The driver prints the name as it is where it finds no such file.
bool driver_finds(const std::string& file) {
  const auto path = output_of({{"clang-19", "--target=wasm32-wasi", "-print-file-name=" + file}});
  std::error_code error;
  return path && path->starts_with("/") && fs::exists(*path, error);
}

CLibraries find_libraries() {
  const auto builtins =
      output_of({{"clang-19", "--target=wasm32-wasi", "-print-libgcc-file-name"}});
  std::error_code error;
  CLibraries found;
  found.c = builtins && fs::exists(*builtins, error) && driver_finds("libc.a") &&
            driver_finds("crt1-reactor.o");
  found.cxx = found.c && driver_finds("libc++.a") && driver_finds("libc++abi.a");
  return found;
}

bool is_cxx(const fs::path& file) {
  const auto extension = file.extension();
  return extension == ".cc" || extension == ".cpp" || extension == ".cxx";
}

// Stacks are 16-byte aligned.
std::uint64_t aligned(std::uint64_t bytes) {
  return (bytes + 15) / 16 * 16;
}

class CBuild {
 public:
  CBuild(const BuildRequest& request, const CLibraries& libraries) : r_(request), has_(libraries) {}

  stdx::Status run() {
    std::vector<fs::path> sources;
    std::error_code error;
    for (const auto& file : fs::directory_iterator(r_.source, error))
      if (is_cxx(file.path()) || file.path().extension() == ".c") sources.push_back(file.path());
    std::sort(sources.begin(), sources.end());
    for (const auto& source : sources) {
      cxx_ |= is_cxx(source);
      TRY(compile(source, {}));
    }
    const auto own = [&](const char* file) {
      return compile(fs::path(r_.sdk) / "runtime" / file, {"-fno-builtin"});
    };
    if (!has_.c) {
      TRY(own("memory.c"));
      TRY(own("start.c"));
    }
    if (cxx_ && !has_.cxx) {
      TRY(own("cxx.cc"));
    }
    return link();
  }

 private:
  std::vector<std::string> driver(bool cxx) const {
    return {cxx ? "clang++-19" : "clang-19", has_.c ? "--target=wasm32-wasi" : "--target=wasm32",
            "-O2",
            // A struct is copied and cleared by an instruction, not by a call.
            "-mbulk-memory"};
  }

  stdx::Status compile(const fs::path& source, std::vector<std::string> flags) {
    auto arguments = driver(is_cxx(source));
    objects_.push_back(format("{}/{}.o", r_.scratch, objects_.size()));
    flags.insert(flags.end(),
                 {"-c", "-Wall", "-I", r_.sdk,
                  // No path of this machine gets into the module: the same source, the
                  // same bytes.
                  "-ffile-prefix-map=" + r_.project + "=.", "-ffile-prefix-map=" + r_.sdk + "=sdk",
                  "-o", objects_.back(), source.string()});
    if (!has_.c) flags.insert(flags.begin(), {"-isystem", r_.sdk + "/runtime/include"});
    if (is_cxx(source)) {
      flags.insert(flags.begin(), {"-std=gnu++23", "-fno-exceptions", "-fno-threadsafe-statics"});
      if (!has_.cxx) flags.insert(flags.begin(), "-fno-rtti");
    } else {
      flags.insert(flags.begin(), "-std=gnu23");
    }
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return call(arguments);
  }

  stdx::Status link() {
    auto arguments = driver(cxx_ && has_.cxx);
    if (has_.c)
      arguments.push_back("-mexec-model=reactor");
    else
      arguments.insert(arguments.end(), {"-nostdlib", "-Wl,--no-entry"});
    // The stack lies below all data and grows down: an overflow leaves the memory, which traps,
    // and overwrites nothing.
    arguments.insert(arguments.end(), {"-Wl,--stack-first",
                                       format("-Wl,-z,stack-size={}",
                                              aligned(r_.stack_bytes.value_or(c_stack_bytes))),
                                       "-Wl,--strip-debug", "-o", r_.output});
    arguments.insert(arguments.end(), objects_.begin(), objects_.end());
    return call(arguments);
  }

  static stdx::Status call(const std::vector<std::string>& arguments) {
    auto done = mex::run({arguments});
    if (!done && done.error().code == Code::not_found)
      return stdx::fail(Code::not_found,
                        format("{}; a C or C++ space is built with clang-19 and lld-19 "
                               "(tools/install brings them)",
                               done.error().message));
    return done;
  }

  const BuildRequest& r_;
  const CLibraries& has_;
  bool cxx_ = false;
  std::vector<std::string> objects_;
};

}  // namespace

const CLibraries& installed_c_libraries() {
  static const CLibraries found = find_libraries();
  return found;
}

stdx::Status build_c(const BuildRequest& request, const CLibraries& libraries) {
  return CBuild(request, libraries).run();
}

}  // namespace mex
