// SPDX-License-Identifier: Apache-2.0
#include "adapters/wasmtime/engine.h"

#include <algorithm>
#include <set>
#include <thread>

#include "adapters/wasmtime/bulk_steps.h"
#include "adapters/wasmtime/engine_impl.h"
#include "stdx/assert.h"
#include "stdx/text.h"

namespace adapters::wasmtime {

using stdx::Code;

std::string in_one_line(const std::string& report) {
  const auto line_at = [&](std::size_t at) {
    const auto line = report.substr(at, report.find('\n', at) - at);
    const auto first = line.find_first_not_of(' ');
    return first == std::string::npos ? std::string() : line.substr(first);
  };
  constexpr std::string_view frame = "\n    0: ", cause = "\nCaused by:\n";
  const auto why = report.rfind(cause);
  if (why == std::string::npos) return stdx::printable(line_at(0), 500);
  auto line = line_at(why + cause.size());
  if (line.starts_with("wasm trap: ")) line.erase(0, std::string_view("wasm trap: ").size());
  auto where = report.find(frame);
  if (where == std::string::npos) return stdx::printable(line, 500);
  auto at = line_at(where + frame.size());
  // The function that stands for a host function (bulk_steps.h) has no name; its caller may have.
  if (at.ends_with("!<wasm function>") || at.find("!<wasm function ") != std::string::npos)
    if (const auto caller = report.find("\n    1: "); caller != std::string::npos)
      if (auto named = line_at(caller + frame.size());
          named.find("!<wasm function") == std::string::npos)
        at = std::move(named);
  return stdx::printable(line + " at " + at, 500);
}

std::string take_message(wasmtime_error_t* error) {
  wasm_name_t text;
  wasmtime_error_message(error, &text);
  std::string message(text.data, text.size);
  wasm_name_delete(&text);
  wasmtime_error_delete(error);
  return in_one_line(message);
}

std::string take_message(wasm_trap_t* trap) {
  wasm_message_t text;
  wasm_trap_message(trap, &text);
  std::string message(text.data, text.size);
  wasm_name_delete(&text);
  wasm_trap_delete(trap);
  while (!message.empty() && message.back() == '\0') message.pop_back();
  return in_one_line(message);
}

namespace {

// --- memories and stacks from arenas ---

struct LinearMemory {
  MemoryArena& arena;
  MemoryArena::Slot slot;
  std::size_t bytes;  // it never shrinks
};

wasmtime_error_t* grow(void* env, std::size_t bytes) {
  auto* memory = static_cast<LinearMemory*>(env);
  if (bytes > memory->slot.capacity) {
    const auto larger = memory->arena.move_to_larger(memory->slot, memory->bytes, bytes);
    if (larger.base == nullptr)
      return wasmtime_error_new("no address space is left for the memory");
    memory->slot = larger;
  }
  memory->bytes = bytes;
  return nullptr;
}

wasmtime_error_t* new_memory(void* env, const wasm_memorytype_t*, std::size_t minimum, std::size_t,
                             std::size_t, std::size_t, wasmtime_linear_memory_t* out) {
  auto& arena = *static_cast<MemoryArena*>(env);
  const auto slot = arena.take(minimum);
  if (slot.base == nullptr) return wasmtime_error_new("no address space is left for the memory");
  out->env = new LinearMemory{arena, slot, minimum};
  out->get_memory = [](void* e, std::size_t* bytes, std::size_t* capacity) -> std::uint8_t* {
    auto* memory = static_cast<LinearMemory*>(e);
    *bytes = memory->bytes;
    *capacity = memory->slot.capacity;
    return memory->slot.base;
  };
  out->grow_memory = grow;
  out->finalizer = [](void* e) {
    auto* memory = static_cast<LinearMemory*>(e);
    memory->arena.give_back(memory->slot, memory->bytes);
    delete memory;
  };
  return nullptr;
}

struct Stack {
  SlotArena& arena;
  std::uint8_t* slot;
};

wasmtime_error_t* new_stack(void* env, std::size_t size, bool, wasmtime_stack_memory_t* out) {
  auto& arena = *static_cast<SlotArena*>(env);
  if (size > arena.slot_bytes()) return wasmtime_error_new("a stack larger than configured");
  auto* slot = arena.take();
  if (slot == nullptr) return wasmtime_error_new("no address space is left for a stack");
  out->env = new Stack{arena, slot};
  // Wasmtime takes the top of the stack.
  out->get_stack_memory = [](void* e, std::size_t* bytes) -> std::uint8_t* {
    auto* stack = static_cast<Stack*>(e);
    *bytes = stack->arena.slot_bytes();
    return stack->slot + stack->arena.slot_bytes();
  };
  out->finalizer = [](void* e) {
    auto* stack = static_cast<Stack*>(e);
    stack->arena.give_back(stack->slot, stack->arena.slot_bytes());
    delete stack;
  };
  return nullptr;
}

// --- configuration ---

wasm_config_t* configuration(const WasmtimeEngine::Options& options, MemoryArena& memories,
                             SlotArena& stacks) {
  wasm_config_t* config = wasm_config_new();
  wasmtime_config_epoch_interruption_set(config, true);
  wasmtime_config_async_stack_size_set(config, options.stack_bytes);
  wasmtime_config_max_wasm_stack_set(config, options.wasm_stack_bytes);
  wasmtime_config_wasm_tail_call_set(config, false);
  wasmtime_config_wasm_relaxed_simd_set(config, false);
  wasmtime_config_wasm_multi_memory_set(config, false);
  wasmtime_config_wasm_memory64_set(config, false);
  wasmtime_config_wasm_custom_page_sizes_set(config, false);
  wasmtime_config_wasm_stack_switching_set(config, false);
  wasmtime_config_wasm_wide_arithmetic_set(config, false);
  // Copy-on-write images only work for memories that Wasmtime maps itself.
  wasmtime_config_memory_init_cow_set(config, false);
  wasmtime_config_memory_may_move_set(config, true);
  wasmtime_config_memory_reservation_set(config, 0);
  wasmtime_config_memory_guard_size_set(config, 0);
  wasmtime_config_memory_reservation_for_growth_set(config, 0);
  wasmtime_config_native_unwind_info_set(config, true);
  static wasmtime_memory_creator_t memory_creator;
  memory_creator = {&memories, new_memory, nullptr};
  wasmtime_config_host_memory_creator_set(config, &memory_creator);
  wasmtime_stack_creator_t stack_creator{&stacks, new_stack, nullptr};
  wasmtime_config_host_stack_creator_set(config, &stack_creator);
  return config;
}

wasm_valtype_t* value_type(char letter) {
  switch (letter) {
    case 'I':
      return wasm_valtype_new_i64();
    case 'f':
      return wasm_valtype_new_f32();
    case 'F':
      return wasm_valtype_new_f64();
    default:
      return wasm_valtype_new_i32();
  }
}

wasm_functype_t* function_type(const std::string& signature) {
  const auto arrow = signature.find('>');
  const auto values = [](const std::string& letters) {
    std::vector<wasm_valtype_t*> list;
    for (const char letter : letters) list.push_back(value_type(letter));
    wasm_valtype_vec_t vector;
    wasm_valtype_vec_new(&vector, list.size(), list.data());
    return vector;
  };
  auto params = values(signature.substr(0, arrow));
  auto results = values(signature.substr(arrow + 1));
  return wasm_functype_new(&params, &results);
}

stdx::Status define(wasmtime_linker_t* linker, const ports::HostFunction& function) {
  ASSERT(function.signature != ">" && (!function.may_wait || function.signature.ends_with(">i")),
         "the trampolines of instance.cc have a place for the result");
  wasm_functype_t* type = function_type(function.signature);
  auto* env = const_cast<ports::HostFunction*>(&function);
  auto* error =
      function.may_wait
          ? wasmtime_linker_define_async_func(
                linker, function.module.data(), function.module.size(), function.name.data(),
                function.name.size(), type, WasmtimeInstance::call_async, env, nullptr)
          : wasmtime_linker_define_func_unchecked(
                linker, function.module.data(), function.module.size(), function.name.data(),
                function.name.size(), type, WasmtimeInstance::call_now, env, nullptr);
  wasm_functype_delete(type);
  if (error != nullptr) return stdx::fail(Code::failed, take_message(error));
  return {};
}

// Most modules import a few of many functions.
void keep_imported(const wasmtime_module_t* module, std::vector<ports::HostFunction>& functions) {
  wasm_importtype_vec_t imports;
  wasmtime_module_imports(module, &imports);
  std::set<std::pair<std::string, std::string>> names;
  for (std::size_t i = 0; i < imports.size; ++i) {
    const auto* space = wasm_importtype_module(imports.data[i]);
    const auto* name = wasm_importtype_name(imports.data[i]);
    names.emplace(std::string(space->data, space->size), std::string(name->data, name->size));
  }
  wasm_importtype_vec_delete(&imports);
  std::erase_if(functions, [&](const auto& f) { return !names.contains({f.module, f.name}); });
  functions.shrink_to_fit();
}

// Wasmtime says best what is wrong with a module, so it is asked first where that is not read here.
stdx::Result<wasmtime_module_t*> new_module(wasm_engine_t* engine, stdx::BytesView bytes) {
  stdx::Bytes changed;
  const auto in_steps = with_bulk_in_steps(bytes, changed);
  const auto& compiled = in_steps ? *in_steps : bytes;
  wasmtime_module_t* module = nullptr;
  auto* error = wasmtime_module_new(engine, reinterpret_cast<const std::uint8_t*>(compiled.data()),
                                    compiled.size(), &module);
  if (error != nullptr)
    return stdx::fail(Code::invalid, "the module is not valid: " + take_message(error));
  if (in_steps) return module;
  wasmtime_module_delete(module);
  return stdx::fail(Code::invalid, "the module cannot be read: " + in_steps.error().message);
}

void list_exports(WasmtimeModule& module) {
  wasm_exporttype_vec_t exports;
  wasmtime_module_exports(module.module, &exports);
  for (std::size_t i = 0; i < exports.size; ++i) {
    const auto* type = wasm_exporttype_type(exports.data[i]);
    if (wasm_externtype_kind(type) != WASM_EXTERN_FUNC) continue;
    const auto* function = wasm_externtype_as_functype_const(type);
    const auto* results = wasm_functype_results(function);
    const bool gives_i32 = results->size == 1 && wasm_valtype_kind(results->data[0]) == WASM_I32;
    if (wasm_functype_params(function)->size != 0 || (results->size != 0 && !gives_i32)) continue;
    const auto* name = wasm_exporttype_name(exports.data[i]);
    module.exported.emplace_back(name->data, name->size);
    module.exported_gives_value.push_back(gives_i32);
  }
  wasm_exporttype_vec_delete(&exports);
}

}  // namespace

WasmtimeEngine::Impl::Impl(ports::Executor& e, Options o, ports::Counter* refused)
    : executor(e),
      options(o),
      stacks(o.stack_bytes, 4096),
      engine(wasm_engine_new_with_config(configuration(options, memories, stacks))),
      worker(compiles_max, refused),
      compilers(compiles_max, refused, std::max(std::thread::hardware_concurrency(), 2u) - 1) {
  if (options.compiler) compiler.emplace(*options.compiler);
  ASSERT(engine != nullptr, "Wasmtime takes its configuration");
  slices = std::make_unique<SliceTimer>([this] { wasmtime_engine_increment_epoch(engine.get()); });
}

WasmtimeEngine::Impl::Made WasmtimeEngine::Impl::compile(std::shared_ptr<Impl> self,
                                                         stdx::BytesView bytes,
                                                         Functions functions) {
  TRY_ASSIGN(auto* module, new_module(engine.get(), bytes));
  return link(std::move(self), module, std::move(functions));
}

WasmtimeEngine::Impl::Made WasmtimeEngine::Impl::load(std::shared_ptr<Impl> self,
                                                      stdx::BytesView artifact,
                                                      Functions functions) {
  wasmtime_module_t* module = nullptr;
  auto* error = wasmtime_module_deserialize(engine.get(),
                                            reinterpret_cast<const std::uint8_t*>(artifact.data()),
                                            artifact.size(), &module);
  if (error != nullptr) return stdx::fail(Code::unsupported, take_message(error));
  return link(std::move(self), module, std::move(functions));
}

WasmtimeEngine::Impl::Made WasmtimeEngine::Impl::link(std::shared_ptr<Impl> self,
                                                      wasmtime_module_t* compiled,
                                                      Functions functions) {
  auto module = std::make_shared<WasmtimeModule>();
  module->engine = std::move(self);
  module->module = compiled;
  keep_imported(compiled, functions);
  module->functions = std::move(functions);
  wasmtime_linker_t* linker = wasmtime_linker_new(engine.get());
  stdx::Status defined;
  for (const auto& function : module->functions)
    if (defined) defined = define(linker, function);
  if (defined) {
    auto* error = wasmtime_linker_instantiate_pre(linker, module->module, &module->pre);
    if (error != nullptr) defined = stdx::fail(Code::invalid, take_message(error));
  }
  wasmtime_linker_delete(linker);
  TRY(defined);
  list_exports(*module);
  return module;
}

WasmtimeModule::~WasmtimeModule() {
  if (pre != nullptr) wasmtime_instance_pre_delete(pre);
  if (module != nullptr) wasmtime_module_delete(module);
}

std::unique_ptr<ports::Instance> WasmtimeModule::instantiate(void* context,
                                                             std::uint64_t memory_bytes_max) {
  return std::make_unique<WasmtimeInstance>(*this, context, memory_bytes_max);
}

WasmtimeEngine::WasmtimeEngine(ports::Executor& executor, Options options, ports::Counter* refused)
    : impl_(std::make_shared<Impl>(executor, options, refused)) {}

WasmtimeEngine::~WasmtimeEngine() = default;

namespace {

// One module on its way. What waits keeps the job, and not the engine: it must not hold up its end.
struct CompileJob {
  std::weak_ptr<WasmtimeEngine::Impl> engine;
  std::shared_ptr<const stdx::Bytes> module;
  std::vector<ports::HostFunction> functions;
  WasmtimeEngine::Compiled done;

  void answer(std::shared_ptr<WasmtimeEngine::Impl> impl, WasmtimeEngine::Impl::Made result) {
    auto& executor = impl->executor;
    // Handed to the loop, which outlives this job; never the last owner here.
    executor.post(
        [result = std::move(result), done = std::move(done), keep = std::move(impl)]() mutable {
          keep.reset();
          done(std::move(result));
        });
  }
};

// On a thread that may wait for a child process.
void compile_in_child(std::shared_ptr<CompileJob> job) {
  auto impl = job->engine.lock();
  if (!impl) return;
  auto artifact = impl->compiler->compile(*job->module);
  auto result = artifact ? impl->load(impl, *artifact, std::move(job->functions))
                         : WasmtimeEngine::Impl::Made(std::unexpected(artifact.error()));
  job->answer(std::move(impl), std::move(result));
}

void refuse(ports::Executor& executor, WasmtimeEngine::Compiled done) {
  executor.post([done = std::move(done)] {
    done(stdx::fail(Code::full, stdx::format("{} modules wait for the compiler already",
                                             WasmtimeEngine::compiles_max)));
  });
}

void look_up_or_compile(std::shared_ptr<CompileJob> job) {
  auto impl = job->engine.lock();
  if (!impl) return;
  if (!impl->compiler) {
    auto result = impl->compile(impl, *job->module, std::move(job->functions));
    return job->answer(std::move(impl), std::move(result));
  }
  if (const auto artifact = impl->compiler->look_up(*job->module)) {
    auto result = impl->load(impl, *artifact, job->functions);
    if (result || result.error().code != Code::unsupported)
      return job->answer(std::move(impl), std::move(result));
    impl->compiler->forget(*job->module);
  }
  if (!impl->compilers.post([job] { compile_in_child(job); }))
    refuse(impl->executor, std::move(job->done));
}

}  // namespace

void WasmtimeEngine::compile(std::shared_ptr<const stdx::Bytes> module,
                             std::vector<ports::HostFunction> functions, Compiled done) {
  auto job = std::make_shared<CompileJob>(std::weak_ptr<Impl>(impl_), std::move(module),
                                          std::move(functions), std::move(done));
  if (!impl_->worker.post([job] { look_up_or_compile(job); }))
    refuse(impl_->executor, std::move(job->done));
}

stdx::Result<stdx::Bytes> compile_to_artifact(stdx::BytesView bytes) {
  MemoryArena memories;
  const WasmtimeEngine::Options options;
  SlotArena stacks(options.stack_bytes, 4096);
  const std::unique_ptr<wasm_engine_t, WasmtimeEngine::Impl::DeleteEngine> engine(
      wasm_engine_new_with_config(configuration(options, memories, stacks)));
  ASSERT(engine != nullptr, "Wasmtime takes its configuration");
  TRY_ASSIGN(auto* module, new_module(engine.get(), bytes));
  wasm_byte_vec_t artifact;
  auto* error = wasmtime_module_serialize(module, &artifact);
  wasmtime_module_delete(module);
  if (error != nullptr) return stdx::fail(Code::failed, take_message(error));
  stdx::Bytes made(artifact.data, artifact.size);
  wasm_byte_vec_delete(&artifact);
  return made;
}

stdx::Result<std::shared_ptr<ports::Module>> WasmtimeEngine::compile_now(
    stdx::BytesView module, std::vector<ports::HostFunction> functions) {
  return impl_->compile(impl_, module, std::move(functions));
}

}  // namespace adapters::wasmtime
