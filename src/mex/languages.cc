// SPDX-License-Identifier: Apache-2.0
#include "mex/languages.h"

#include <algorithm>
#include <filesystem>

#include "mex/command.h"
#include "stdx/text.h"

namespace mex {
namespace {

namespace fs = std::filesystem;
using stdx::Code;
using stdx::format;

bool is_among(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool any_ends_with(const std::vector<std::string>& names, std::string_view ending) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return name.ends_with(ending); });
}

// `how`: what brings the program.
stdx::Status run_or_say(const Command& command, std::string_view how) {
  auto done = run(command);
  if (!done && done.error().code == Code::not_found)
    return stdx::fail(Code::not_found, format("{}; {}", done.error().message, how));
  return done;
}

stdx::Status build_go(const BuildRequest& r) {
  return run_or_say({{"go", "build", "-C", r.source, "-buildmode=c-shared", "-trimpath",
                      "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", r.output, "."},
                     {{"GOOS", "wasip1"}, {"GOARCH", "wasm"}}},
                    "a Go space is built with Go 1.24 or newer (`go` along PATH)");
}

// Its name changed with Rust 1.78.
stdx::Result<std::string> rust_target() {
  const auto root = output_of({{"rustc", "--print", "sysroot"}});
  if (!root)
    return stdx::fail(Code::not_found,
                      "rustc is not installed; a Rust space is built with Rust and its target "
                      "wasm32-wasip1 (`rustup target add wasm32-wasip1`)");
  std::error_code error;
  for (const char* target : {"wasm32-wasip1", "wasm32-wasi"})
    if (fs::is_directory(fs::path(*root) / "lib/rustlib" / target / "lib", error)) return target;
  return stdx::fail(Code::not_found,
                    "Rust's target wasm32-wasip1 is not installed; `rustup target add "
                    "wasm32-wasip1` brings it");
}

stdx::Status build_rust(const BuildRequest& r) {
  TRY_ASSIGN(const auto target, rust_target());
  std::error_code error;
  if (!fs::exists(r.source + "/Cargo.lock", error))
    return stdx::fail(Code::not_found,
                      format("{}/Cargo.lock is missing, and nothing is written into the sources; "
                             "run `cargo generate-lockfile` there",
                             r.source));
  const auto folder = use_build_cache(r);
  Command command{{"cargo", "build", "--release", "--locked", "--quiet", "--manifest-path",
                   r.source + "/Cargo.toml", "--target", target, "--target-dir", folder}};
  const auto flag = [&](const std::string& value) {
    command.arguments.insert(command.arguments.end(),
                             {"--config", format("target.{}.rustflags=[\"{}\"]", target, value)});
  };
  flag("--remap-path-prefix=" + r.project + "=.");
  if (r.stack_bytes) flag(format("-Clink-arg=-zstack-size={}", *r.stack_bytes));
  TRY(run_or_say(command, "a Rust space is built with cargo"));
  std::vector<fs::path> modules;
  for (const auto& file : fs::directory_iterator(folder + "/" + target + "/release", error))
    if (file.path().extension() == ".wasm") modules.push_back(file.path());
  if (modules.size() != 1)
    return stdx::fail(Code::invalid,
                      format("cargo made {} modules of {}; a space is one crate with crate-type = "
                             "[\"cdylib\"]",
                             modules.size(), r.source));
  fs::copy_file(modules[0], r.output, error);
  if (error) return stdx::fail(Code::failed, format("{}: {}", r.output, error.message()));
  return {};
}

stdx::Status build_zig(const BuildRequest& r) {
  auto main = r.source + "/main.zig";
  std::error_code error;
  if (!fs::exists(main, error))
    return stdx::fail(Code::not_found, format("{} is missing; a Zig space begins there", main));
  // The Python package `ziglang` brings the compiler as a module.
  std::vector<std::string> zig = {"zig"};
  if (!output_of({{"zig", "version"}})) {
    zig = {"python3", "-m", "ziglang"};
    if (!output_of({{"python3", "-m", "ziglang", "version"}}))
      return stdx::fail(Code::not_found,
                        "zig is not installed; a Zig space is built with it (`zig` along PATH, or "
                        "the Python package ziglang)");
  }
  const auto cache = use_build_cache(r);
  Command command{zig};
  for (const auto& argument :
       {std::string("build-exe"), main, std::string("-target"), std::string("wasm32-wasi"),
        std::string("-mexec-model=reactor"), std::string("-fno-entry"), std::string("-rdynamic"),
        std::string("-OReleaseSmall"), "-femit-bin=" + r.output, std::string("--cache-dir"), cache})
    command.arguments.push_back(argument);
  // Its own default of 16 MiB is all the memory that a space has by default.
  command.arguments.insert(command.arguments.end(),
                           {"--stack", std::to_string(r.stack_bytes.value_or(zig_stack_bytes))});
  return run(command);
}

stdx::Status build_assemblyscript(const BuildRequest& r) {
  std::error_code error;
  const auto own = r.source + "/node_modules/.bin/asc";
  const bool has_own = fs::exists(own, error);
  return run_or_say(
      {{has_own ? own : "asc", r.source + "/index.ts", "--outFile", r.output, "--optimize"}},
      format("an AssemblyScript space is built with it: `npm install` in {}, or `npm install -g "
             "assemblyscript`",
             r.source));
}

}  // namespace

std::string use_build_cache(const BuildRequest& request) {
  const fs::path folder = request.cache;
  std::error_code error;
  if (!folder.empty()) fs::create_directories(folder, error);
  if (folder.empty() || error) return request.scratch;
  fs::last_write_time(folder, fs::file_time_type::clock::now(), error);
  std::vector<std::pair<fs::file_time_type, fs::path>> others;
  for (const auto& other : fs::directory_iterator(folder.parent_path(), error))
    if (other.path() != folder) others.emplace_back(other.last_write_time(error), other.path());
  std::sort(others.rbegin(), others.rend());
  for (std::size_t i = build_caches_max - 1; i < others.size(); ++i)
    fs::remove_all(others[i].second, error);
  return request.cache;
}

const std::vector<Language>& languages() {
  using Names = std::vector<std::string>;
  static const std::vector<Language> all = {
      {"c", "C or C++",
       [](const Names& names) {
         return any_ends_with(names, ".c") || any_ends_with(names, ".cc") ||
                any_ends_with(names, ".cpp") || any_ends_with(names, ".cxx");
       },
       [](const BuildRequest& request) { return build_c(request, installed_c_libraries()); }},
      {"rust", "Rust", [](const Names& names) { return is_among(names, "Cargo.toml"); },
       build_rust},
      {"go", "Go", [](const Names& names) { return is_among(names, "go.mod"); }, build_go},
      {"zig", "Zig", [](const Names& names) { return any_ends_with(names, ".zig"); }, build_zig},
      {"assemblyscript", "AssemblyScript",
       [](const Names& names) { return is_among(names, "index.ts"); }, build_assemblyscript}};
  return all;
}

stdx::Result<const Language*> language_of(const std::string& source) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& file : fs::directory_iterator(source, error))
    names.push_back(file.path().filename().string());
  const Language* found = nullptr;
  for (const auto& language : languages()) {
    if (!language.recognises(names)) continue;
    if (found != nullptr)
      return stdx::fail(Code::invalid, format("{} holds sources in {} and in {}; a space is built "
                                              "from one language",
                                              source, found->name, language.name));
    found = &language;
  }
  if (found == nullptr)
    return stdx::fail(Code::not_found,
                      format("{} holds nothing that mex compiles: *.c, *.cc, *.cpp, Cargo.toml, "
                             "go.mod, main.zig or index.ts",
                             source));
  return found;
}

}  // namespace mex
