// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "adapters/wasmtime/engine_impl.h"
#include "stdx/assert.h"
#include "stdx/text.h"

namespace adapters::wasmtime {

using ports::HostFunction;
using ports::HostResult;
using stdx::Code;

WasmtimeInstance::WasmtimeInstance(WasmtimeModule& module, void* context,
                                   std::uint64_t memory_bytes_max)
    : module_(module),
      context_(context),
      store_(wasmtime_store_new(module.engine->engine.get(), this, nullptr)),
      store_context_(wasmtime_store_context(store_)) {
  wasmtime_store_limiter(store_, static_cast<std::int64_t>(memory_bytes_max), table_elements_max,
                         /*instances=*/1, tables_max, /*memories=*/1);
  // Gives nothing back in 48.0.8, although its header says so: its result is not read.
  wasmtime_context_epoch_deadline_async_yield_and_update(store_context_, 1);
}

WasmtimeInstance::~WasmtimeInstance() {
  // A call under way is unwound first.
  if (future_ != nullptr) wasmtime_call_future_delete(future_);
  if (trap_ != nullptr) wasm_trap_delete(trap_);
  if (failure_ != nullptr) wasmtime_error_delete(failure_);
  wasmtime_store_delete(store_);
}

bool WasmtimeInstance::has(const std::string& function) const {
  return std::find(module_.exported.begin(), module_.exported.end(), function) !=
         module_.exported.end();
}

stdx::Status WasmtimeInstance::begin(const std::string& function) {
  ASSERT(future_ == nullptr && !dead_, "one call at a time, and none of a dead instance");
  const auto at = std::find(module_.exported.begin(), module_.exported.end(), function);
  if (at == module_.exported.end())
    return stdx::fail(Code::not_found, stdx::format("the module exports no {}", function));
  function_ = function;
  gives_value_ =
      module_.exported_gives_value[static_cast<std::size_t>(at - module_.exported.begin())];
  if (made_)
    start_call();
  else
    future_ = wasmtime_instance_pre_instantiate_async(module_.pre, store_context_, &instance_,
                                                      &trap_, &failure_);
  return {};
}

void WasmtimeInstance::start_call() {
  wasmtime_extern_t item;
  const bool found = wasmtime_instance_export_get(store_context_, &instance_, function_.data(),
                                                  function_.size(), &item);
  ASSERT(found && item.kind == WASMTIME_EXTERN_FUNC, "a listed export is there");
  result_ = {};
  // The future keeps the address, not a copy.
  called_ = item.of.func;
  future_ = wasmtime_func_call_async(store_context_, &called_, nullptr, 0, &result_,
                                     gives_value_ ? 1 : 0, &trap_, &failure_);
}

ports::Instance::Progress WasmtimeInstance::resume(stdx::Duration at_most) {
  ASSERT(future_ != nullptr, "only a begun call is resumed");
  just_parked_ = false;
  // The next tick is the end of this slice.
  wasmtime_context_set_epoch_deadline(store_context_, 1);
  module_.engine->slices->guest_runs(at_most);
  const auto progress = step();
  module_.engine->slices->guest_rests();
  return progress;
}

ports::Instance::Progress WasmtimeInstance::step() {
  if (!wasmtime_call_future_poll(future_)) return Progress::pending;
  wasmtime_call_future_delete(future_);
  future_ = nullptr;
  if (trap_ != nullptr || failure_ != nullptr) return finished();
  if (made_) return finished();
  made_ = true;
  wasmtime_extern_t item;
  if (wasmtime_instance_export_get(store_context_, &instance_, "memory", 6, &item) &&
      item.kind == WASMTIME_EXTERN_MEMORY) {
    memory_ = item.of.memory;
    has_memory_ = true;
  }
  start_call();
  return step();
}

ports::Instance::Progress WasmtimeInstance::finished() {
  waiting_ = nullptr;
  if (exited_) {
    dead_ = true;
    return Progress::exited;
  }
  if (trap_ != nullptr || failure_ != nullptr) {
    error_ = trap_ != nullptr ? take_message(std::exchange(trap_, nullptr))
                              : take_message(std::exchange(failure_, nullptr));
    dead_ = true;
    return Progress::failed;
  }
  value_ = gives_value_ ? result_.of.i32 : 0;
  return Progress::returned;
}

ports::GuestMemory WasmtimeInstance::memory() const {
  if (!has_memory_) return {};
  return {wasmtime_memory_data(store_context_, &memory_),
          wasmtime_memory_data_size(store_context_, &memory_)};
}

std::size_t WasmtimeInstance::memory_bytes() const {
  return made_ ? memory().bytes : 0;
}

// --- host calls ---

wasm_trap_t* WasmtimeInstance::trap_for(HostResult result) {
  if (result.kind == HostResult::Kind::exit) {
    exited_ = true;
    value_ = result.value;
  }
  constexpr std::string_view text = "ended by the host";
  return wasmtime_trap_new(text.data(), text.size());
}

wasm_trap_t* WasmtimeInstance::call_now(void* env, wasmtime_caller_t* caller,
                                        wasmtime_val_raw_t* values, std::size_t) {
  const auto& function = *static_cast<const HostFunction*>(env);
  auto& self =
      *static_cast<WasmtimeInstance*>(wasmtime_context_get_data(wasmtime_caller_context(caller)));
  static_assert(sizeof(ports::HostValue) == sizeof *values);
  const auto* args = reinterpret_cast<const ports::HostValue*>(values);
  const auto result = function.handler(self.context_, {args, self.memory(), false});
  if (result.kind != HostResult::Kind::done) return self.trap_for(result);
  // There is room for it where the function has no result, too: it has a parameter (define).
  values[0].i64 = static_cast<std::int64_t>(result.bits);
  return nullptr;
}

HostResult WasmtimeInstance::ask(bool again) {
  return waiting_->handler(context_, {waiting_args_, memory(), again});
}

bool WasmtimeInstance::complete_waiting() {
  // Wasmtime polls the continuation within the call that made it.
  if (just_parked_) return false;
  const auto result = ask(true);
  if (result.kind == HostResult::Kind::wait) return false;
  if (result.kind == HostResult::Kind::done) {
    waiting_result_[0].kind = WASMTIME_I32;
    waiting_result_[0].of.i32 = result.value;
  } else {
    *waiting_trap_ = trap_for(result);
  }
  waiting_ = nullptr;
  return true;
}

void WasmtimeInstance::call_async(void* env, wasmtime_caller_t* caller, const wasmtime_val_t* args,
                                  std::size_t nargs, wasmtime_val_t* results, std::size_t,
                                  wasm_trap_t** trap, wasmtime_async_continuation_t* continuation) {
  auto& self =
      *static_cast<WasmtimeInstance*>(wasmtime_context_get_data(wasmtime_caller_context(caller)));
  self.waiting_ = static_cast<const HostFunction*>(env);
  ASSERT(nargs <= args_max, "no function of the table has more parameters");
  // An i32 is the low half of the union.
  for (std::size_t i = 0; i < nargs; ++i)
    self.waiting_args_[i].bits = static_cast<std::uint64_t>(args[i].of.i64);
  self.waiting_result_ = results;
  self.waiting_trap_ = trap;
  const auto result = self.ask(false);
  continuation->finalizer = nullptr;
  if (result.kind == HostResult::Kind::wait) {
    self.just_parked_ = true;
    continuation->env = &self;
    continuation->callback = [](void* e) {
      return static_cast<WasmtimeInstance*>(e)->complete_waiting();
    };
    return;
  }
  if (result.kind == HostResult::Kind::done) {
    results[0].kind = WASMTIME_I32;
    results[0].of.i32 = result.value;
  } else {
    *trap = self.trap_for(result);
  }
  self.waiting_ = nullptr;
  continuation->env = nullptr;
  continuation->callback = [](void*) { return true; };
}

}  // namespace adapters::wasmtime
