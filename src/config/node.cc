// SPDX-License-Identifier: Apache-2.0
#include "config/node.h"

#include <algorithm>
#include <charconv>

#include "stdx/near_miss.h"
#include "stdx/text.h"

namespace config {

using stdx::format;

const Node* Node::find(std::string_view name) const {
  for (const auto& [key, value] : fields)
    if (key == name) return &value;
  return nullptr;
}

const Node& Node::nearest(std::string_view path) const {
  const auto* at = this;
  for (const auto part : stdx::split(path, '.'))
    if (const auto* next = at->find(part))
      at = next;
    else
      break;
  return *at;
}

void Reader::fail(const Node& at, const std::string& message) const {
  const bool at_key = at.kind != Node::Kind::scalar && at.key_line > 0;
  findings_.push_back(format("{}:{}: {}", file_, at_key ? at.key_line : at.line, message));
}

void Reader::only(const Node& map, std::string_view what,
                  std::initializer_list<std::string_view> known) const {
  if (map.kind != Node::Kind::map) {
    fail(map, format("{} must be a map", what));
    return;
  }
  for (const auto& [key, value] : map.fields) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    findings_.push_back(format("{}:{}: unknown key '{}' in {}{}", file_, value.key_line,
                               stdx::printable(key, 60), what, stdx::did_you_mean(key, known)));
  }
}

const Node* Reader::map(const Node& parent, std::string_view name) const {
  const auto* node = parent.find(name);
  if (node != nullptr && node->kind != Node::Kind::map) {
    fail(*node, format("{} must be a map", name));
    return nullptr;
  }
  return node;
}

const Node* Reader::list(const Node& parent, std::string_view name) const {
  const auto* node = parent.find(name);
  if (node != nullptr && node->kind != Node::Kind::list) {
    fail(*node, format("{} must be a list", name));
    return nullptr;
  }
  return node;
}

const Node* Reader::scalar(const Node& parent, std::string_view name) const {
  const auto* node = parent.find(name);
  if (node != nullptr && node->kind != Node::Kind::scalar) {
    fail(*node, format("{} must be a single value", name));
    return nullptr;
  }
  return node;
}

std::string Reader::text(const Node& parent, std::string_view name, std::string fallback) const {
  const auto* node = scalar(parent, name);
  return node == nullptr ? std::move(fallback) : node->text;
}

std::string Reader::required(const Node& parent, std::string_view name) const {
  const auto* node = scalar(parent, name);
  if (node == nullptr || node->text.empty()) {
    fail(node == nullptr ? parent : *node, format("{} is missing", name));
    return "";
  }
  return node->text;
}

std::uint64_t Reader::number(const Node& parent, std::string_view name, std::uint64_t fallback,
                             std::uint64_t min, std::uint64_t max) const {
  const auto* node = scalar(parent, name);
  if (node == nullptr) return fallback;
  const auto value = stdx::parse_u64(node->text);
  if (!value || *value < min || *value > max) {
    fail(*node, format("{} is '{}'; it must be a number from {} to {}", name,
                       stdx::printable(node->text, 40), min, max));
    return fallback;
  }
  return *value;
}

double Reader::real(const Node& parent, std::string_view name, double fallback) const {
  const auto* node = scalar(parent, name);
  if (node == nullptr) return fallback;
  double value = 0;
  const auto* end = node->text.data() + node->text.size();
  const auto [at, error] = std::from_chars(node->text.data(), end, value);
  if (error != std::errc() || at != end || !(value >= 0 && value < 1e6)) {
    fail(*node, format("{} is '{}'; it must be a number", name, stdx::printable(node->text, 40)));
    return fallback;
  }
  return value;
}

bool Reader::flag(const Node& parent, std::string_view name, bool fallback) const {
  const auto* node = scalar(parent, name);
  if (node == nullptr) return fallback;
  if (node->text == "true") return true;
  if (node->text == "false") return false;
  fail(*node,
       format("{} is '{}'; it must be true or false", name, stdx::printable(node->text, 40)));
  return fallback;
}

stdx::Duration Reader::duration(const Node& parent, std::string_view name,
                                stdx::Duration fallback) const {
  const auto* node = scalar(parent, name);
  if (node == nullptr) return fallback;
  const auto value = stdx::parse_duration(node->text);
  if (!value) {
    fail(*node, format("{}: {}", name, value.error().message));
    return fallback;
  }
  return *value;
}

std::uint64_t Reader::bytes(const Node& parent, std::string_view name,
                            std::uint64_t fallback) const {
  const auto* node = scalar(parent, name);
  if (node == nullptr) return fallback;
  const auto value = stdx::parse_bytes(node->text);
  if (!value) {
    fail(*node, format("{}: {}", name, value.error().message));
    return fallback;
  }
  return *value;
}

std::vector<std::string> Reader::texts(const Node& parent, std::string_view name) const {
  std::vector<std::string> values;
  if (const auto* node = list(parent, name))
    for (const auto& item : node->items) {
      if (item.kind != Node::Kind::scalar)
        fail(item, format("{} holds plain values only", name));
      else
        values.push_back(item.text);
    }
  return values;
}

std::vector<std::pair<std::string, std::string>> Reader::pairs(const Node& parent,
                                                               std::string_view name) const {
  std::vector<std::pair<std::string, std::string>> values;
  if (const auto* node = map(parent, name))
    for (const auto& [key, value] : node->fields) {
      if (value.kind != Node::Kind::scalar)
        fail(value, format("{}.{} must be a single value", name, stdx::printable(key, 60)));
      else
        values.emplace_back(key, value.text);
    }
  return values;
}

}  // namespace config
