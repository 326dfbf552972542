// SPDX-License-Identifier: Apache-2.0
#include "mex/page_check.h"

#include <gtest/gtest.h>

namespace mex {
namespace {

std::string only(const std::string& file, const std::string& text) {
  const auto findings = check_page(file, text);
  EXPECT_EQ(findings.size(), 1u) << text << (findings.size() > 1 ? findings[1] : "");
  return findings.empty() ? "" : findings[0];
}

TEST(PageCheckTest, EachThingThatThePolicyBlocksIsNamedWithItsLine) {
  EXPECT_EQ(only("ui/index.html", "<html>\n\n<SCRIPT>\nalert(1)\n</script>"),
            "ui/index.html:3: the inline script is blocked; put it into a file and name that in "
            "src");
  EXPECT_NE(only("i.html", "<p\n  onClick = \"go()\">").find("i.html:2: the inline event handler"),
            std::string::npos);
  EXPECT_NE(only("i.html", "<style>p{}</style>").find("style sheet"), std::string::npos);
  EXPECT_NE(only("i.html", "<p style='color:red'>").find("inline style"), std::string::npos);
  for (const char* foreign :
       {"<script src=https://cdn.example/x.js></script>", "<img alt=\"\" src='//x.example/a.png'>",
        "<link rel=stylesheet href=\"http://x.example/a.css\">"})
    EXPECT_NE(only("i.html", foreign).find("another origin"), std::string::npos) << foreign;
  EXPECT_NE(only("i.html", "<a href=\"JavaScript:go()\">x</a>").find("javascript:"),
            std::string::npos);
  EXPECT_NE(only("i.html", "\n<iframe></iframe>").find("i.html:2: <iframe>"), std::string::npos);
  EXPECT_NE(only("a.css", "p{}\n@import url(\"https://x.example/a.css\");").find("a.css:2:"),
            std::string::npos);
  EXPECT_NE(only("a.js", "const a = 1;\nfetch(`https://x.example/`)").find("a.js:2:"),
            std::string::npos);
  EXPECT_NE(only("a.js", "new WebSocket('wss://x.example')").find("WebSocket"), std::string::npos);
  EXPECT_NE(only("a.js", "eval(text)").find("makes code of text"), std::string::npos);
}

TEST(PageCheckTest, WhatThePolicyAllowsIsNotFound) {
  for (const char* text :
       {"<script src=\"app.js\" defer></script><link rel=\"stylesheet\" href=\"/style.css\">",
        "<script type=\"application/json\">{\"a\": \"<p onclick=x>\"}</script>",
        "<!-- <script>alert(1)</script> -->", "<a href=\"https://example.com\">elsewhere</a>",
        "<img src=\"data:image/png;base64,AA\">", "a < b && c > d", "<", "<p title=\"",
        "<button data-on=\"x\">"})
    EXPECT_TRUE(check_page("i.html", text).empty()) << text;
  EXPECT_TRUE(check_page("a.js",
                         "retrieval(1); link.href = 'https://example.com'; "
                         "new WebSocket(`ws://${location.host}/ws`); "
                         "new WebSocket('ws://' + location.host + '/ws')")
                  .empty());
  EXPECT_TRUE(check_page("a.css", "p { background: url(images/a.png) }").empty());
  EXPECT_TRUE(check_page("a.png", "<script>").empty());
}

TEST(PageCheckTest, FindingsOfAFileAreBounded) {
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "<iframe>\n";
  EXPECT_EQ(check_page("i.html", many).size(), 51u);
}

}  // namespace
}  // namespace mex
