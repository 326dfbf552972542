// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::Engine over Wasmtime 48 LTS (Cranelift). Small surface: core modules and our own imports;
// threads, memory64, GC, exceptions, tail calls, multi-memory and components are off.
// Memory accesses are bounds-checked explicitly, memories and
// stacks come from arenas, and guests are interrupted by epochs.

#include <memory>
#include <optional>

#include "adapters/wasmtime/compiler.h"
#include "ports/engine.h"
#include "ports/executor.h"
#include "ports/metrics.h"

namespace adapters::wasmtime {

class WasmtimeEngine final : public ports::Engine {
 public:
  struct Options {
    std::size_t stack_bytes = 64u << 10;       // of a fiber, guard page included
    std::size_t wasm_stack_bytes = 32u << 10;  // what the guest may use of it
    // Compiles in child processes, one less at a time than there are cores. None: in this process,
    // for tools and tests.
    std::optional<Compiler::Options> compiler = {};
  };

  // Modules that wait for the compiler; further ones answer Code::full and are counted.
  static constexpr std::size_t compiles_max = 1024;

  // Completions of `compile` come on `executor`.
  WasmtimeEngine(ports::Executor& executor, Options options, ports::Counter* refused = nullptr);
  explicit WasmtimeEngine(ports::Executor& executor) : WasmtimeEngine(executor, Options{}) {}
  ~WasmtimeEngine() override;

  void compile(std::shared_ptr<const stdx::Bytes> module,
               std::vector<ports::HostFunction> functions, Compiled done) override;

  // The same on the calling thread, for tools and benches.
  stdx::Result<std::shared_ptr<ports::Module>> compile_now(
      stdx::BytesView module, std::vector<ports::HostFunction> functions);

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace adapters::wasmtime
