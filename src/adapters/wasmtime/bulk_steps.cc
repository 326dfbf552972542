// SPDX-License-Identifier: Apache-2.0
#include "adapters/wasmtime/bulk_steps.h"

#include <samoza_engine.h>

#include "stdx/text.h"

namespace adapters::wasmtime {

stdx::Result<stdx::BytesView> with_bulk_in_steps(stdx::BytesView module, stdx::Bytes& changed) {
  std::uint8_t* out = nullptr;
  std::size_t length = 0;
  const auto what = samoza_bulk_in_steps(reinterpret_cast<const std::uint8_t*>(module.data()),
                                         module.size(), &out, &length);
  if (what == 0) return module;
  changed.assign(reinterpret_cast<const char*>(out), length);
  samoza_bytes_delete(out, length);
  if (what == 1) return stdx::BytesView(changed);
  return stdx::fail(stdx::Code::invalid, stdx::printable(changed, 500));
}

}  // namespace adapters::wasmtime
