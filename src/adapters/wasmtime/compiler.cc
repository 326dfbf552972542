// SPDX-License-Identifier: Apache-2.0
#include "adapters/wasmtime/compiler.h"

#include <fcntl.h>
#include <samoza_engine.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

#include "adapters/crypto/crypto.h"
#include "adapters/posix/bounded_child.h"
#include "adapters/posix/files.h"
#include "adapters/wasmtime/engine_impl.h"
#include "stdx/text.h"

namespace adapters::wasmtime {
namespace {

namespace fs = std::filesystem;
using stdx::Code;

constexpr std::size_t artifact_bytes_max = 512u << 20;
constexpr std::size_t hash_bytes = 32;
constexpr int invalid_module = 3;  // exit code of the child

// Machine code may use any feature that the CPU has; the engine checks it again when it loads.
std::string cpu_features() {
  std::ifstream in("/proc/cpuinfo");
  std::string line;
  while (std::getline(in, line))
    if (line.starts_with("flags") || line.starts_with("Features")) return line;
  return "unknown";
}

bool read_all(int fd, stdx::Bytes& bytes) {
  char chunk[65536];
  for (;;) {
    const auto n = read(fd, chunk, sizeof chunk);
    if (n < 0) return false;
    if (n == 0) return true;
    bytes.append(chunk, static_cast<std::size_t>(n));
  }
}

}  // namespace

Compiler::Compiler(Options options)
    : options_(std::move(options)),
      engine_and_cpu_(crypto::sha256_hex(std::string(WASMTIME_VERSION) + "\n" +
                                         SAMOZA_ENGINE_REVISION + "\n" + cpu_features())
                          .substr(0, 16)) {
  if (options_.folder.empty()) return;
  if (auto made = posix::make_private_folder(options_.folder); !made) options_.folder.clear();
}

std::string Compiler::path_of(stdx::BytesView module) const {
  return stdx::format("{}/{}.{}", options_.folder, crypto::sha256_hex(module), engine_and_cpu_);
}

stdx::Result<stdx::Bytes> Compiler::look_up(stdx::BytesView module) const {
  if (options_.folder.empty()) return stdx::fail(Code::not_found, "no artifacts are kept");
  const auto path = path_of(module);
  TRY_ASSIGN(auto bytes, posix::read_file(path, artifact_bytes_max + hash_bytes));
  const auto artifact = stdx::BytesView(bytes).substr(std::min(hash_bytes, bytes.size()));
  if (bytes.size() <= hash_bytes || crypto::sha256(artifact) != bytes.substr(0, hash_bytes)) {
    unlink(path.c_str());
    return stdx::fail(Code::corrupt, path + " is not what was written; it is compiled anew");
  }
  // The time of its last use.
  utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
  return stdx::Bytes(artifact);
}

void Compiler::forget(stdx::BytesView module) const {
  if (!options_.folder.empty()) unlink(path_of(module).c_str());
}

void Compiler::make_room(std::uint64_t bytes) const {
  struct Kept {
    fs::file_time_type used;
    std::uint64_t bytes;
    fs::path path;
  };
  std::vector<Kept> all;
  std::uint64_t sum = bytes;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(options_.folder, ignored)) {
    Kept kept{entry.last_write_time(ignored), entry.file_size(ignored), entry.path()};
    sum += kept.bytes;
    all.push_back(std::move(kept));
  }
  std::sort(all.begin(), all.end(), [](const Kept& a, const Kept& b) { return a.used < b.used; });
  for (const auto& kept : all) {
    if (sum <= options_.folder_bytes_max) return;
    fs::remove(kept.path, ignored);
    sum -= kept.bytes;
  }
}

// Where the disk has no room it is compiled again the next time.
void Compiler::keep(stdx::BytesView module, stdx::BytesView artifact) const {
  if (options_.folder.empty() || artifact.size() > options_.folder_bytes_max) return;
  make_room(artifact.size());
  (void)posix::replace_file(path_of(module), crypto::sha256(artifact) + stdx::Bytes(artifact));
}

stdx::Result<stdx::Bytes> Compiler::compile(stdx::BytesView module) const {
  TRY_ASSIGN(auto outcome,
             posix::run_bounded({options_.program}, module,
                                {options_.memory_bytes, options_.time, artifact_bytes_max}));
  if (outcome.timed_out)
    return stdx::fail(Code::full,
                      stdx::format("compiling the module took more than {} (zrun.limits."
                                   "compile_time); make its functions smaller, or raise the limit",
                                   stdx::format_duration(options_.time)));
  const bool no_memory =
      outcome.signal != 0 || outcome.errors.find("memory allocation") != std::string::npos;
  if (no_memory)
    return stdx::fail(Code::full,
                      stdx::format("compiling the module took more than {} MiB of memory "
                                   "(zrun.limits.compile_memory); make it smaller, or raise the "
                                   "limit",
                                   options_.memory_bytes >> 20));
  if (outcome.code == invalid_module)
    return stdx::fail(Code::invalid, stdx::printable(outcome.errors, 600));
  if (outcome.code != 0 || outcome.output.empty())
    return stdx::fail(Code::failed,
                      stdx::format("{} ended with code {}: {}", options_.program, outcome.code,
                                   stdx::printable(outcome.errors, 600)));
  keep(module, outcome.output);
  return std::move(outcome.output);
}

int compile_for_parent(int in, int out) {
  stdx::Bytes bytes;
  if (!read_all(in, bytes)) return 1;
  const auto artifact = compile_to_artifact(bytes);
  if (!artifact) {
    std::fputs(artifact.error().message.c_str(), stderr);
    return invalid_module;
  }
  stdx::BytesView rest = *artifact;
  while (!rest.empty()) {
    const auto n = write(out, rest.data(), rest.size());
    if (n <= 0) return 1;
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

}  // namespace adapters::wasmtime
