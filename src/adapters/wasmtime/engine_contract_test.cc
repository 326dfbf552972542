// SPDX-License-Identifier: Apache-2.0
#include "simkit/testing/engine_contract.h"

#include <fstream>
#include <iterator>

#include "adapters/wasmtime/engine.h"
#include "simkit/process.h"

namespace simkit {
namespace {

struct Wasmtime {
  World world{1};
  Process process{world, "z", "zrun"};
  adapters::wasmtime::WasmtimeEngine engine{process};

  std::shared_ptr<ports::Module> compile(std::vector<ports::HostFunction> functions) {
    std::ifstream file(std::string(SAMOZA_GUESTS_DIR) + "/contract.wasm", std::ios::binary);
    const stdx::Bytes bytes{std::istreambuf_iterator<char>(file), {}};
    auto module = engine.compile_now(bytes, std::move(functions));
    EXPECT_TRUE(module) << module.error().message;
    return *module;
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Wasmtime, EngineContract, Wasmtime);

}  // namespace
}  // namespace simkit
