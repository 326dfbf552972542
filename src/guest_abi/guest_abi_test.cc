// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "guest_abi/check.h"
#include "guest_abi/document.h"
#include "guest_abi/table.h"
#include "model/space_type.h"

namespace guest_abi {
namespace {

std::string read(const std::string& path) {
  std::ifstream file(std::string(SAMOZA_SOURCE_DIR) + "/" + path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

wasm::Interface interface_with(std::string module, std::string name, std::string signature) {
  wasm::Interface interface;
  interface.imports = {{std::move(module), std::move(name), std::move(signature)}};
  interface.exports = {{"on_process", ">i"}, {"memory", ""}};
  return interface;
}

TEST(AbiTest, DocumentsAndTheHeaderAreWhatTheTableSays) {
  EXPECT_EQ(read("docs/abi.md"), markdown()) << "run abi_document in the source folder";
  EXPECT_EQ(read("sdk/c/samoza.h"), c_header()) << "run abi_document in the source folder";
}

TEST(AbiTest, RDec12EveryCapabilityOfTheTableExists) {
  for (const auto& f : functions())
    if (!f.capability.empty()) {
      EXPECT_NE(model::find_capability(f.capability), nullptr) << f.name;
    }
}

TEST(AbiTest, RAbi3AnImportIsNamedWhenItsCapabilityIsNotGranted) {
  for (const auto& f : functions()) {
    if (f.capability.empty()) continue;
    model::Space space;
    space.name = "s";
    const auto interface =
        interface_with(std::string(f.module), std::string(f.name), std::string(f.signature));
    const auto refused = check(space, interface);
    ASSERT_EQ(refused.size(), 1u) << f.name;
    EXPECT_NE(refused[0].find(std::string(f.module) + "." + std::string(f.name)),
              std::string::npos);
    space.capabilities = {std::string(f.capability)};
    EXPECT_TRUE(check(space, interface).empty()) << f.name;
  }
}

TEST(AbiTest, UnknownImportsWrongTypesAndMissingHooksAreNamed) {
  model::Space space;
  space.name = "s";
  EXPECT_EQ(check(space, interface_with("net", "teleport", ">i")),
            std::vector<std::string>{"space 's': import net.teleport does not exist in ABI 1"});
  EXPECT_EQ(check(space, interface_with("sys", "yield", "i>i")).size(), 1u);
  auto interface = interface_with("sys", "yield", ">i");
  interface.exports = {{"memory", ""}};
  EXPECT_EQ(check(space, interface),
            std::vector<std::string>{"space 's': the module does not export on_process"});
  interface.exports = {{"on_process", "i>i"}, {"memory", ""}};
  EXPECT_EQ(check(space, interface),
            std::vector<std::string>{"space 's': on_process must be () -> i32"});
}

TEST(AbiTest, AModuleThatStartsLargerThanItsLimitIsRefused) {
  model::Space space;
  space.limits.memory_bytes = 1u << 20;
  auto interface = interface_with("sys", "yield", ">i");
  interface.memory_pages_min = 16;
  EXPECT_TRUE(check(space, interface).empty());
  interface.memory_pages_min = 17;
  EXPECT_EQ(check(space, interface).size(), 1u);
}

}  // namespace
}  // namespace guest_abi
