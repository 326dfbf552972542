/* SPDX-License-Identifier: Apache-2.0 */
/* What makes a module a reactor, for guests without a C library: the host calls _initialize once,
   before on_init, and constructors of static objects run then. */
void __wasm_call_ctors(void);

__attribute__((export_name("_initialize"))) void _initialize(void) { __wasm_call_ctors(); }
