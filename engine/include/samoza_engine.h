// SPDX-License-Identifier: Apache-2.0
#ifndef SAMOZA_ENGINE_H
#define SAMOZA_ENGINE_H

// What the engine crate has beside Wasmtime's C API.

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Changes a module so that `memory.fill`, `memory.copy` and `memory.init` go in steps of 64 KiB, at
// each of which the epoch is looked at, and so that it is looked at before each call of a host
// function and each `table.fill`, `table.copy`, `table.init`, `table.grow` and `memory.grow`: without it a guest decides how long it runs without a look.
// Any thread; takes time and memory proportional to the module, which may be hostile.
//   0  it needs no change
//   1  `*out` is the changed module
//   2  it cannot be read; `*out` says why, without a terminating zero
// `*out` is given back with samoza_bytes_delete.
int32_t samoza_bulk_in_steps(const uint8_t* module, size_t length, uint8_t** out,
                             size_t* out_length);
void samoza_bytes_delete(uint8_t* bytes, size_t length);

// Raised where a module is changed in another way than before: kept artifacts are made anew.
#define SAMOZA_ENGINE_REVISION "3"

#ifdef __cplusplus
}
#endif

#endif
