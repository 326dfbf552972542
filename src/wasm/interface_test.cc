// SPDX-License-Identifier: Apache-2.0
#include "wasm/interface.h"

#include <gtest/gtest.h>

#include "stdx/prng.h"
#include "wasm/signature.h"

namespace wasm {
namespace {

// (module (import "net" "emit_to" (func (param i32 i32) (result i32))) (memory 2)
//         (func (export "on_process") (result i32) i32.const 0))
const stdx::Bytes module(
    "\0asm\1\0\0\0"
    "\x01\x0b\x02\x60\x02\x7f\x7f\x01\x7f\x60\x00\x01\x7f"
    "\x02\x0f\x01\x03net\x07"
    "emit_to\x00\x00"
    "\x03\x02\x01\x01"
    "\x05\x03\x01\x00\x02"
    "\x07\x0e\x01\x0a"
    "on_process\x00\x01"
    "\x0a\x06\x01\x04\x00\x41\x00\x0b",
    8 + 13 + 17 + 4 + 5 + 16 + 8);

TEST(InterfaceTest, ImportsExportsAndMemoryAreReadWithTheirTypes) {
  const auto interface = read_interface(module);
  ASSERT_TRUE(interface) << interface.error().message;
  ASSERT_EQ(interface->imports.size(), 1u);
  EXPECT_EQ(interface->imports[0].module, "net");
  EXPECT_EQ(interface->imports[0].name, "emit_to");
  EXPECT_EQ(interface->imports[0].signature, "ii>i");
  ASSERT_NE(interface->find_export("on_process"), nullptr);
  EXPECT_EQ(interface->find_export("on_process")->signature, ">i");
  EXPECT_EQ(interface->memory_pages_min, 2u);
  EXPECT_FALSE(interface->has_start);
}

TEST(InterfaceTest, AComponentIsRecognisedAndSaysWhatToBuildInstead) {
  const auto component = read_interface(stdx::BytesView("\0asm\x0d\0\1\0\0\0", 10));
  ASSERT_FALSE(component);
  EXPECT_EQ(component.error().code, stdx::Code::unsupported);
  EXPECT_NE(component.error().message.find("component"), std::string::npos);
  EXPECT_NE(component.error().message.find("wasm32-wasip1"), std::string::npos);
}

TEST(InterfaceTest, ASignatureComesFromTheTypeOfAFunction) {
  EXPECT_EQ((signature<std::int32_t(const void*, std::uint64_t, double)>), "iIF>i");
  EXPECT_EQ((signature<void(float)>), "f>");
  EXPECT_EQ((signature<double()>), ">F");
}

TEST(InterfaceTest, AModuleCutOrChangedAnywhereIsReadOrRefusedAndNeverHarms) {
  for (std::size_t n = 0; n < module.size(); ++n)
    (void)read_interface(stdx::BytesView(module).substr(0, n));
  stdx::Prng prng(5);
  for (int i = 0; i < 20'000; ++i) {
    auto bytes = module;
    for (int k = 0; k < 3; ++k) bytes[prng.below(bytes.size())] = static_cast<char>(prng.next());
    (void)read_interface(bytes);
  }
  EXPECT_FALSE(read_interface(""));
  EXPECT_FALSE(read_interface("PK\3\4"));
}

}  // namespace
}  // namespace wasm
