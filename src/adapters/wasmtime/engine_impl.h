// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the files of this folder share. Not for others: it shows wasmtime.h.

#include <wasmtime.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/posix/worker.h"
#include "adapters/wasmtime/arena.h"
#include "adapters/wasmtime/compiler.h"
#include "adapters/wasmtime/engine.h"
#include "adapters/wasmtime/slice_timer.h"

namespace adapters::wasmtime {

// A report of Wasmtime in one line: what happened, and where it began. Its reports have a line for
// each frame, then "Caused by:" and what happened.
std::string in_one_line(const std::string& report);
// A module as bytes that an engine of this version, on this CPU, loads without compiling.
stdx::Result<stdx::Bytes> compile_to_artifact(stdx::BytesView module);

// The message of an error or trap, which is deleted.
std::string take_message(wasmtime_error_t* error);
std::string take_message(wasm_trap_t* trap);

struct WasmtimeEngine::Impl {
  Impl(ports::Executor& executor, Options options, ports::Counter* refused);

  using Made = stdx::Result<std::shared_ptr<ports::Module>>;
  using Functions = std::vector<ports::HostFunction>;
  // Compiles here.
  Made compile(std::shared_ptr<Impl> self, stdx::BytesView bytes, Functions functions);
  // From an artifact; Code::unsupported where the engine does not take it.
  Made load(std::shared_ptr<Impl> self, stdx::BytesView artifact, Functions functions);
  Made link(std::shared_ptr<Impl> self, wasmtime_module_t* module, Functions functions);

  struct DeleteEngine {
    void operator()(wasm_engine_t* engine) const { wasm_engine_delete(engine); }
  };
  ports::Executor& executor;
  Options options;
  std::optional<Compiler> compiler;
  MemoryArena memories;
  SlotArena stacks;
  std::unique_ptr<wasm_engine_t, DeleteEngine> engine;  // it takes memory from the arenas above
  std::unique_ptr<SliceTimer> slices;                   // its thread uses the engine
  // Last: their jobs end before the engine goes. The first one looks up and loads, and never waits
  // for a compilation; the other compiles.
  posix::Worker worker, compilers;
};

struct WasmtimeModule final : ports::Module {
  std::shared_ptr<WasmtimeEngine::Impl> engine;
  std::vector<ports::HostFunction> functions;  // addresses are the host functions' data
  wasmtime_module_t* module = nullptr;
  wasmtime_instance_pre_t* pre = nullptr;
  std::vector<std::string> exported;  // functions () -> i32 or () -> nothing
  std::vector<bool> exported_gives_value;

  ~WasmtimeModule() override;
  std::unique_ptr<ports::Instance> instantiate(void* context,
                                               std::uint64_t memory_bytes_max) override;
};

class WasmtimeInstance final : public ports::Instance {
 public:
  WasmtimeInstance(WasmtimeModule& module, void* context, std::uint64_t memory_bytes_max);
  ~WasmtimeInstance() override;

  stdx::Status begin(const std::string& function) override;
  bool has(const std::string& function) const override;
  Progress resume(stdx::Duration at_most) override;
  std::int32_t value() const override { return value_; }
  const std::string& error() const override { return error_; }
  std::size_t memory_bytes() const override;

  // For the host functions.
  ports::GuestMemory memory() const;
  void* context() const { return context_; }
  static wasm_trap_t* call_now(void* env, wasmtime_caller_t* caller, wasmtime_val_raw_t* values,
                               std::size_t count);
  static void call_async(void* env, wasmtime_caller_t* caller, const wasmtime_val_t* args,
                         std::size_t nargs, wasmtime_val_t* results, std::size_t nresults,
                         wasm_trap_t** trap, wasmtime_async_continuation_t* continuation);

 private:
  static constexpr std::size_t args_max = 9;
  // Tables lie outside the guest's memory limit: 8 bytes an element, so 2 MiB at most.
  static constexpr std::int64_t table_elements_max = 65'536, tables_max = 4;

  Progress step();
  Progress finished();
  void start_call();
  ports::HostResult ask(bool again);
  bool complete_waiting();
  wasm_trap_t* trap_for(ports::HostResult result);

  WasmtimeModule& module_;
  void* context_;
  wasmtime_store_t* store_;
  wasmtime_context_t* store_context_;
  wasmtime_instance_t instance_{};
  wasmtime_memory_t memory_{};
  bool made_ = false, has_memory_ = false, dead_ = false, exited_ = false;

  std::string function_;  // to be called once the instance is made
  bool gives_value_ = false;
  wasmtime_call_future_t* future_ = nullptr;
  wasmtime_func_t called_{};  // outlives future_
  wasmtime_val_t result_{};
  wasm_trap_t* trap_ = nullptr;
  wasmtime_error_t* failure_ = nullptr;
  std::int32_t value_ = 0;
  std::string error_;

  // A host call that waits. `just_parked_`: since this resume, which gives `pending` for it.
  bool just_parked_ = false;
  const ports::HostFunction* waiting_ = nullptr;
  ports::HostValue waiting_args_[args_max] = {};
  wasmtime_val_t* waiting_result_ = nullptr;
  wasm_trap_t** waiting_trap_ = nullptr;
};

}  // namespace adapters::wasmtime
