// SPDX-License-Identifier: Apache-2.0
#pragma once

// Execution of guests: compile a module once, make instances of it, run an instance until it
// returns, waits or used up its slice. Implemented over Wasmtime, and by a scripted stub for the
// simulator.
//
// An instance runs only inside `resume`, on the loop's thread. A host call that cannot complete now
// answers `wait`: the guest is parked, `resume` returns, and the call is asked again with the same
// arguments the next time the instance is resumed. So a host function keeps what it needs to know
// of a wait in its own context.

#include <bit>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "stdx/bytes.h"
#include "stdx/result.h"
#include "stdx/time.h"

namespace ports {

// The guest's memory as it is now. Never kept: it moves when the guest runs.
struct GuestMemory {
  std::uint8_t* base = nullptr;
  std::size_t bytes = 0;
};

// A parameter as engines lay it out, so that none is copied for a call. What lies above an i32 says
// nothing.
struct HostValue {
  std::uint64_t bits = 0, unused = 0;

  template <typename T>
  T as() const {
    if constexpr (std::is_same_v<T, double>)
      return std::bit_cast<double>(bits);
    else if constexpr (sizeof(T) == 4)
      return static_cast<T>(static_cast<std::uint32_t>(bits));
    else
      return static_cast<T>(bits);
  }
};

struct HostCall {
  const HostValue* args;  // as many as the function's type has
  GuestMemory memory;
  bool again;  // asked before, and answered `wait`
};

struct HostResult {
  enum class Kind { done, wait, trap, exit };
  Kind kind = Kind::done;
  std::int32_t value = 0;  // done: the result, where it is an i32; exit: the code
  std::uint64_t bits = 0;  // done: the result of any type
  static HostResult done(std::int32_t v) { return {Kind::done, v, static_cast<std::uint32_t>(v)}; }
  static HostResult done_f64(double v) { return {Kind::done, 0, std::bit_cast<std::uint64_t>(v)}; }
  static HostResult wait() { return {Kind::wait}; }
  // Ends the instance; `context` knows why.
  static HostResult trap() { return {Kind::trap}; }
  static HostResult exit(std::int32_t code) { return {Kind::exit, code}; }
};

// `context` is what the instance was made with.
using HostHandler = HostResult (*)(void* context, const HostCall& call);

struct HostFunction {
  std::string module, name;
  std::string signature;  // wasm::Signature; read where a module is linked, not at a call
  bool may_wait = false;  // then its result is an i32
  HostHandler handler = nullptr;
};

class Instance {
 public:
  enum class Progress {
    pending,   // parked in a host call, or its time slice is over
    returned,  // `value` holds the result
    failed,    // trapped, or could not be made; `error` says why. Only destroying it is left
    exited,    // the guest ended itself; `value` holds the code
  };

  // Destroying an instance in the middle of a call ends the call.
  virtual ~Instance() = default;

  // Starts a call of a () -> i32 (or () -> nothing) export; the first one also makes the instance.
  // Exactly one call at a time. Code::not_found when there is no such export: nothing was started.
  virtual stdx::Status begin(const std::string& function) = 0;
  virtual bool has(const std::string& function) const = 0;
  // Runs the call until it returns or waits, or for about `at_most`. A call that begins to wait
  // gives `pending` at once, also where it could go on: a guest that yields in a loop gives way
  // each time.
  virtual Progress resume(stdx::Duration at_most) = 0;

  virtual std::int32_t value() const = 0;
  virtual const std::string& error() const = 0;
  virtual std::size_t memory_bytes() const = 0;
};

class Module {
 public:
  virtual ~Module() = default;
  // Cheap: microseconds. `memory_bytes_max` bounds the guest's memory; growth past it fails in the
  // guest. `context` outlives the instance.
  virtual std::unique_ptr<Instance> instantiate(void* context, std::uint64_t memory_bytes_max) = 0;
};

class Engine {
 public:
  using Compiled = std::function<void(stdx::Result<std::shared_ptr<Module>>)>;

  virtual ~Engine() = default;
  // Off the loop; answers once, on it. Only the functions given are linked; an import beyond them
  // is an error that names it; what the module does not import is dropped. The functions' texts are
  // copied.
  virtual void compile(std::shared_ptr<const stdx::Bytes> module,
                       std::vector<HostFunction> functions, Compiled done) = 0;
};

}  // namespace ports
