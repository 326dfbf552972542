// SPDX-License-Identifier: Apache-2.0
//! Wasmtime's C API as one static library; see engine/README.md.
pub use wasmtime_c_api::*;
