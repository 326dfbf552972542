// SPDX-License-Identifier: Apache-2.0
#include "adapters/yaml/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <sstream>
#include <vector>

#include "stdx/text.h"

namespace adapters::yaml {
namespace {

using config::Node;
using stdx::Code;
using stdx::format;

struct Refused {
  int line;
  std::string why;
};

// Before the library sees the text: its parser recurses, so nesting is bounded on the bytes. Counts
// what can nest at most: flow brackets that are open, indentations that are open, and on one line
// block indicators in a row.
stdx::Status bounded(const std::string& text, const std::string& file) {
  if (text.size() > bytes_max)
    return stdx::fail(Code::invalid,
                      format("{}: {} bytes; {} are allowed", file, text.size(), bytes_max));
  if (text.find('\0') != std::string::npos || text.starts_with("\xef\xbb\xbf") ||
      text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    return stdx::fail(Code::invalid,
                      format("{}:1: must be plain UTF-8 without a byte-order mark", file));
  int open = 0, line = 1, run = 0;
  std::size_t indent = 0;
  std::vector<std::size_t> indents;  // of the lines that this one may lie in, each deeper
  bool at_start = true;
  for (const char c : text) {
    if (c == '\n') {
      ++line;
      run = 0;
      indent = 0;
      at_start = true;
      continue;
    }
    if (at_start && c == ' ') {
      ++indent;
      continue;
    }
    if (at_start) {
      while (!indents.empty() && indents.back() >= indent) indents.pop_back();
      indents.push_back(indent);
      at_start = false;
    }
    if (c == '[' || c == '{') ++open;
    if ((c == ']' || c == '}') && open > 0) --open;
    if (c == '-' || c == '?' || c == ':')
      ++run;
    else if (c != ' ')
      run = 0;
    if (open > depth_max || run > 4 * depth_max || indents.size() > 4 * depth_max)
      return stdx::fail(Code::invalid,
                        format("{}:{}: nested deeper than {} levels", file, line, depth_max));
  }
  return {};
}

class Builder final : public YAML::EventHandler {
 public:
  Node root;
  bool any = false;

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (any) throw Refused{mark.line + 1, "more than one document"};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    scalar(mark, "", anchor, "");
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refused{mark.line + 1, "aliases are not allowed"};
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    scalar(mark, tag, anchor, value);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::list);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::map);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Level {
    Node node;
    std::string key;
    bool has_key = false;
  };

  void check(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) throw Refused{mark.line + 1, "anchors are not allowed"};
    // "?" is an untagged plain scalar, "!" a quoted one.
    if (!tag.empty() && tag != "?" && tag != "!")
      throw Refused{mark.line + 1, "tags are not allowed"};
    if (++nodes_ > nodes_max) throw Refused{mark.line + 1, format("more than {} nodes", nodes_max)};
  }
  void scalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
              const std::string& value) {
    check(mark, tag, anchor);
    if (!levels_.empty() && levels_.back().node.kind == Node::Kind::map &&
        !levels_.back().has_key) {
      auto& level = levels_.back();
      if (value == "<<") throw Refused{mark.line + 1, "merge keys are not allowed"};
      if (level.node.find(value) != nullptr)
        throw Refused{mark.line + 1, format("key '{}' is given twice", stdx::printable(value, 60))};
      level.key = value;
      level.has_key = true;
      return;
    }
    Node node;
    node.text = value;
    node.line = mark.line + 1;
    put(std::move(node));
  }
  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            Node::Kind kind) {
    check(mark, tag, anchor);
    if (levels_.size() >= static_cast<std::size_t>(depth_max))
      throw Refused{mark.line + 1, format("nested deeper than {} levels", depth_max)};
    if (!levels_.empty() && levels_.back().node.kind == Node::Kind::map && !levels_.back().has_key)
      throw Refused{mark.line + 1, "a key must be plain text"};
    Level level;
    level.node.kind = kind;
    level.node.line = mark.line + 1;
    levels_.push_back(std::move(level));
  }
  void close() {
    auto node = std::move(levels_.back().node);
    levels_.pop_back();
    put(std::move(node));
  }
  void put(Node node) {
    if (levels_.empty()) {
      root = std::move(node);
      any = true;
      return;
    }
    auto& level = levels_.back();
    if (level.node.kind == Node::Kind::list) {
      level.node.items.push_back(std::move(node));
    } else {
      level.node.fields.emplace_back(std::exchange(level.key, ""), std::move(node));
      level.has_key = false;
    }
  }

  std::vector<Level> levels_;
  std::size_t nodes_ = 0;
};

}  // namespace

stdx::Result<Node> parse(const std::string& text, const std::string& file) {
  TRY(bounded(text, file));
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    Builder builder;
    while (parser.HandleNextDocument(builder)) {
    }
    if (!builder.any) return stdx::fail(Code::invalid, format("{}:1: the file is empty", file));
    return std::move(builder.root);
  } catch (const Refused& refused) {
    return stdx::fail(Code::invalid, format("{}:{}: {}", file, refused.line, refused.why));
  } catch (const YAML::Exception& error) {
    return stdx::fail(Code::invalid, format("{}:{}: not valid YAML: {}", file, error.mark.line + 1,
                                            stdx::printable(error.msg, 200)));
  }
}

}  // namespace adapters::yaml
