// SPDX-License-Identifier: Apache-2.0
// zrun-compile: compiles one module for zrun, which starts it with bounds on time and memory: from
// stdin to descriptor 3. Exit codes: 0 done, 3 the module is not valid (stderr says why), 1 failed.
#include "adapters/wasmtime/compiler.h"

int main() {
  return adapters::wasmtime::compile_for_parent(/*in=*/0, /*out=*/3);
}
