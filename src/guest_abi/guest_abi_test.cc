// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
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

// R-ABI-1: the header of the SDK is generated, so that it adds nothing to the ABI.
TEST(AbiTest, DocumentsAndTheHeaderAreWhatTheTableSays) {
  EXPECT_EQ(read("docs/abi.md"), markdown()) << "run abi_document in the source folder";
  EXPECT_EQ(read("sdk/c/samoza.h"), c_header()) << "run abi_document in the source folder";
}

bool offers(std::string_view module, std::string_view name, std::string_view capability) {
  return std::ranges::any_of(functions(), [&](const auto& f) {
    return f.module == module && f.name == name && f.capability == capability;
  });
}

// R-DEC-13: the core but for sys.log needs no capability; data and sensors do. R-ABI-15: one
// interface for all sensors. R-ABI-10: life cycle and capabilities import nothing.
TEST(AbiTest, RAbi8To11ThePublishedCallsAreThereUnderTheirCapabilities) {
  for (const char* name : {"sleep", "yield", "self_emit"}) EXPECT_TRUE(offers("sys", name, ""));
  EXPECT_TRUE(offers("sys", "log", "sys.log"));
  for (const char* name : {"emit_to", "recv_next"}) EXPECT_TRUE(offers("net", name, ""));
  for (const char* name : {"get", "list"}) EXPECT_TRUE(offers("data", name, "data.read"));
  for (const char* name : {"put", "delete"}) EXPECT_TRUE(offers("data", name, "data.write"));
  for (const char* name : {"subscribe", "read"})
    EXPECT_TRUE(offers("sensors", name, "sensors.subscribe"));
  for (const auto& f : functions()) EXPECT_TRUE(f.module != "lifecycle" && f.module != "caps");
}

// R-ABI-20: of the hooks only on_process is required. R-ABI-19 and R-ABI-21.
TEST(AbiTest, OfTheHooksOnlyOnProcessIsRequired) {
  ASSERT_EQ(hooks().size(), 3u);
  for (const auto& hook : hooks()) EXPECT_EQ(hook.required, hook.name == "on_process") << hook.name;
}

// R-ABI-18 and R-DEC-12: the published capabilities, and none that is unknown.
TEST(AbiTest, RDec12ThePublishedCapabilitiesStandForFixedFunctions) {
  for (const char* name : {"sys.log", "data.read", "data.write", "sensors.subscribe"})
    EXPECT_NE(model::find_capability(name), nullptr) << name;
  model::Space space;
  space.name = "s";
  space.capabilities = {"data.read"};
  EXPECT_TRUE(check(space, interface_with("data", "get", "iiii>i")).empty());
  EXPECT_EQ(check(space, interface_with("data", "put", "iiii>i")).size(), 1u);
}

TEST(AbiTest, RDec12EveryCapabilityOfTheTableExists) {
  for (const auto& f : functions())
    if (!f.capability.empty()) {
      EXPECT_NE(model::find_capability(f.capability), nullptr) << f.name;
    }
}

// R-ROLE-9: a capability holds at the border of the ABI.
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

// R-ABI-2, R-ABI-20: nothing but the table is imported; on_process is required.
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

TEST(AbiTest, RAbi7AModuleWithAMainIsToldWhatToBuildInstead) {
  model::Space space;
  space.name = "s";
  auto interface = interface_with("sys", "yield", ">i");
  interface.exports = {{"memory", ""}, {"_start", ">"}};
  const auto findings = check(space, interface);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_NE(findings[0].find("is a command"), std::string::npos);
  EXPECT_NE(findings[0].find("cdylib"), std::string::npos);
  interface.exports.push_back({"on_process", ">i"});
  EXPECT_TRUE(check(space, interface).empty()) << "its main sets it up, as TinyGo's does";
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
