// SPDX-License-Identifier: Apache-2.0
#pragma once

// `memory.fill`, `memory.copy` and `memory.init` of a guest go in steps (engine/src/bulk.rs): each
// is one instruction, in which nobody looks at the time, and its length is the guest's choice. And
// the time is looked at before each host call, as straight-line code may have thousands of them.
// Every module goes through here before it is compiled, in the child process where there is one.

#include "stdx/bytes.h"
#include "stdx/result.h"

namespace adapters::wasmtime {

// What is to be compiled in place of `module`: itself where it needs no change, else what `changed`
// holds then. Code::invalid: it cannot be read. Any thread.
stdx::Result<stdx::BytesView> with_bulk_in_steps(stdx::BytesView module, stdx::Bytes& changed);

}  // namespace adapters::wasmtime
