// SPDX-License-Identifier: Apache-2.0
#include "adapters/yaml/yaml.h"

#include <gtest/gtest.h>

namespace adapters::yaml {
namespace {

std::string error_of(const std::string& text) {
  const auto parsed = parse(text, "f.yaml");
  return parsed ? "" : parsed.error().message;
}

TEST(YamlTest, ADocumentBecomesATreeOfTextWithLines) {
  const auto node = parse("a: 1\nb:\n  - x\n  - {y: no}\n", "f.yaml");
  ASSERT_TRUE(node) << node.error().message;
  EXPECT_EQ(node->find("a")->text, "1");
  EXPECT_EQ(node->find("b")->items[1].find("y")->text, "no");
  EXPECT_EQ(node->find("b")->items[0].line, 3);
}

TEST(YamlTest, WhatOthersExpandOrGuessIsRefusedWithItsLine) {
  EXPECT_EQ(error_of("a: &x 1\nb: *x\n"), "f.yaml:1: anchors are not allowed");
  EXPECT_EQ(error_of("a: !!python/object 1\n"), "f.yaml:1: tags are not allowed");
  EXPECT_EQ(error_of("a: 1\na: 2\n"), "f.yaml:2: key 'a' is given twice");
  EXPECT_EQ(error_of("a: 1\n---\nb: 2\n"), "f.yaml:2: more than one document");
  EXPECT_NE(error_of(""), "");
  EXPECT_NE(error_of("\xef\xbb\xbfx: 1"), "");
  EXPECT_NE(error_of("a: [1, 2"), "");
  EXPECT_NE(error_of(std::string("a: \0b", 5)), "");
}

TEST(YamlTest, ALongFlatListOfMappingsIsNotTakenForANest) {
  // As a manifest has it: one indentation deeper for each file, and back.
  std::string text = "files:\n";
  for (int i = 0; i < 10'000; ++i) text += "  - path: a\n    hash: b\n";
  const auto node = parse(text, "f.yaml");
  ASSERT_TRUE(node) << node.error().message;
  EXPECT_EQ(node->find("files")->items.size(), 10'000u);
}

TEST(YamlTest, NestingIsBoundedBeforeItCanHurt) {
  const std::string deep(200'000, '[');
  EXPECT_NE(error_of(deep).find("nested deeper"), std::string::npos);
  std::string dashes;
  for (int i = 0; i < 100'000; ++i) dashes += "- ";
  EXPECT_NE(error_of(dashes).find("nested deeper"), std::string::npos);
  std::string indented;
  for (int i = 0; i < 1000; ++i) indented += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  EXPECT_NE(error_of(indented).find("nested deeper"), std::string::npos);
  EXPECT_NE(error_of(std::string(bytes_max + 1, 'a')).find("bytes"), std::string::npos);
}

}  // namespace
}  // namespace adapters::yaml
