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

TEST(YamlTest, CommentsQuotesAndTextsAreNoNests) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "# [[[[ {{ - - - 'a \"b\n";
  text += "# " + std::string(130, '-') + "\n#" + std::string(130, '-') + "\n";
  text += "a: 1  # [1, 2)\n";
  for (int i = 0; i < 40; ++i) {
    const auto n = std::to_string(i);
    text += "half" + n + ": from [1, 2) to {3\n";
    text += "quoted" + n + ": \"[[[ # \\\" [[\"  # [[ '\nsingle" + n + ": 'it''s [[ # {{'\n";
    text +=
        "block" + n + ": |  # [[\n  [[[[ {{\n  - - - -\n\n    # [[\nfolded" + n + ": >-\n  [[[\n";
    text += "rule" + n +
            ": ---------------------------------------------------------------------------\n";
    text += "tight" + n +
            ": a:::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::b\n";
  }
  const auto node = parse(text, "f.yaml");
  ASSERT_TRUE(node) << node.error().message;
  const auto wrapped =
      parse("a: it\n  'tis [[\n  \"so\nb: [x\n, y\n'z, {c: d e\n \"f}]\n", "f.yaml");
  ASSERT_TRUE(wrapped) << wrapped.error().message;
  EXPECT_EQ(wrapped->find("a")->text, "it 'tis [[ \"so");
  EXPECT_EQ(node->find("half39")->text, "from [1, 2) to {3");
  EXPECT_EQ(node->find("quoted39")->text, "[[[ # \" [[");
  EXPECT_EQ(node->find("block39")->text, "[[[[ {{\n- - - -\n\n  # [[\n");
}

TEST(YamlTest, WhatOnlyLooksLikeACommentIsCountedAllTheSame) {
  const std::string deep(100, '[');
  for (const std::string before : {"\"a # b\": ", "a: [\"x # y\", ", "['a # b', ", "- a\n- "}) {
    const auto error = error_of(before + deep);
    EXPECT_NE(error.find("nested deeper"), std::string::npos) << before << ": " << error;
  }
  EXPECT_NE(
      error_of("a: '" + std::string(300'000, '[') + "'\n").find("brackets in comments and texts"),
      std::string::npos);
}

TEST(YamlTest, ATabInTheIndentationIsNamed) {
  EXPECT_EQ(error_of("a:\n\tb: 1\n"),
            "f.yaml:2: a tab in the indentation; YAML is indented by spaces only");
  EXPECT_EQ(error_of("a:\n  \tb: 1\n"),
            "f.yaml:2: a tab in the indentation; YAML is indented by spaces only");
  EXPECT_NE(error_of("a:\n- b: 1\n -\tc: 2\n").find("the line has a tab"), std::string::npos)
      << error_of("a:\n- b: 1\n -\tc: 2\n");
  for (const char* good :
       {"a: 1\t# why\n", "\t\na: 1\n", "\t# note\na: 1\n", "a: |\n  x\n  \ty\n", "a: \"x\n\ty\"\n"})
    EXPECT_EQ(error_of(good), "") << good;
}

TEST(YamlTest, AMistakeIsNamedAtItsOwnLine) {
  EXPECT_EQ(error_of("a: 1\nb: [1,\n  2\nc: 3\nd: 4\n"),
            "f.yaml:2: the [ that begins here is not closed");
  EXPECT_EQ(error_of("a: {x: 1\n"), "f.yaml:1: the { that begins here is not closed");
  EXPECT_EQ(error_of("a: 1\nb: \"x\nc: 3\n"), "f.yaml:2: the \" that begins here is not closed");
  EXPECT_EQ(error_of("a: 1\nb: 2: 3\n").substr(0, 8), "f.yaml:2");
  EXPECT_EQ(error_of("a: 1\n  b: 2\nc: 3\n").substr(0, 8), "f.yaml:2")
      << error_of("a: 1\n  b: 2\nc: 3\n");
  const auto node = parse("a:\n\n\nb:\n  c:\n    1\n  d: {e: [x,\n y]}\n  f:\n", "f.yaml");
  ASSERT_TRUE(node) << node.error().message;
  EXPECT_EQ(node->find("a")->line, 1) << "an empty value is where its key is";
  EXPECT_EQ(node->find("b")->key_line, 4);
  EXPECT_EQ(node->find("b")->find("c")->key_line, 5);
  EXPECT_EQ(node->find("b")->find("c")->line, 6);
  EXPECT_EQ(node->find("b")->find("d")->find("e")->items[1].line, 8);
  EXPECT_EQ(node->find("b")->find("f")->line, 9);
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
