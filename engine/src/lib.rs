// SPDX-License-Identifier: Apache-2.0
//! Wasmtime's C API and what Samoza adds to it (`include/samoza_engine.h`), as one static library.
pub mod bulk;
pub use wasmtime_c_api::*;
