// SPDX-License-Identifier: Apache-2.0
#include "adapters/yaml/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <unordered_set>
#include <vector>

#include "adapters/yaml/bounds.h"
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

// What the library says of a text, at the line where a person would look.
stdx::Error explained(const YAML::Exception& error, const std::string& text, const Bounds& bounds,
                      const std::string& file) {
  const auto lines = 1 + std::count(text.begin(), text.end(), '\n');
  const auto line = std::clamp<long>(error.mark.line + 1, 1, lines);
  if (bounds.unclosed_line() > 0)
    return {Code::invalid, format("{}:{}: {}", file, bounds.unclosed_line(), bounds.unclosed())};
  auto message = format("{}:{}: not valid YAML: {}", file, line, stdx::printable(error.msg, 200));
  const auto rows = stdx::split(text, '\n');
  if (rows[static_cast<std::size_t>(line - 1)].find('\t') != std::string_view::npos)
    message += "; the line has a tab, where YAML takes spaces only";
  return {Code::invalid, std::move(message)};
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
    // The library's mark is that of what follows, which may be lines away.
    const bool value = !levels_.empty() && levels_.back().has_key;
    auto at = mark;
    if (value) at.line = levels_.back().key_line - 1;
    scalar(at, "", anchor, "");
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
    std::unordered_set<std::string> keys;  // of a map; a search in `node` would be quadratic
    std::string key;
    int key_line = 0;
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
      if (!level.keys.insert(value).second)
        throw Refused{mark.line + 1, format("key '{}' is given twice", stdx::printable(value, 60))};
      level.key = value;
      level.key_line = mark.line + 1;
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
      node.key_line = level.key_line;
      level.node.fields.emplace_back(std::exchange(level.key, ""), std::move(node));
      level.has_key = false;
    }
  }

  std::vector<Level> levels_;
  std::size_t nodes_ = 0;
};

}  // namespace

stdx::Result<Node> parse(const std::string& text, const std::string& file) {
  Bounds bounds(text, file);
  TRY(bounds.check());
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    Builder builder;
    while (parser.HandleNextDocument(builder)) {
    }
    if (!builder.any) return stdx::fail(Code::invalid, format("{}:1: the file is empty", file));
    // The library takes the end of the text for the end of a quoted value.
    if (bounds.unclosed_line() > 0)
      return stdx::fail(Code::invalid,
                        format("{}:{}: {}", file, bounds.unclosed_line(), bounds.unclosed()));
    return std::move(builder.root);
  } catch (const Refused& refused) {
    return stdx::fail(Code::invalid, format("{}:{}: {}", file, refused.line, refused.why));
  } catch (const YAML::Exception& error) {
    return std::unexpected(explained(error, text, bounds, file));
  }
}

}  // namespace adapters::yaml
