// SPDX-License-Identifier: Apache-2.0
#pragma once

// A YAML document as a plain tree: scalars as their text (no type is guessed: `no` is "no"), lists,
// and maps in the order written, each with its line. Made by adapters/yaml; read through Reader,
// which gathers every finding with file and line.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "stdx/result.h"
#include "stdx/time.h"

namespace config {

struct Node {
  struct Field;  // not std::pair: clang cannot make one of a type that holds it
  enum class Kind { scalar, list, map };
  Kind kind = Kind::scalar;
  std::string text;
  std::vector<Node> items;    // list
  std::vector<Field> fields;  // map
  int line = 0;               // where it begins; of a map its first key
  int key_line = 0;           // of the key that it is the value of; 0: none

  const Node* find(std::string_view name) const;
  // Of "cluster.id" the node; where it is not there the nearest one above it.
  const Node& nearest(std::string_view path) const;
};
struct Node::Field {
  std::string first;
  Node second;
};

// Reads a tree strictly. Every `field` names what may be there; what was not asked for by `finish`
// is an unknown key, said with the nearest known one.
class Reader {
 public:
  Reader(std::string file, std::vector<std::string>& findings)
      : file_(std::move(file)), findings_(findings) {}

  // At the value; of a map or list at its key.
  void fail(const Node& at, const std::string& message) const;
  // At the value of `path` ("trust.policy"), or what is nearest to it.
  void fail(const Node& parent, std::string_view path, const std::string& message) const {
    fail(parent.nearest(path), message);
  }
  // Says each key of a map that is not in `known`.
  void only(const Node& map, std::string_view what,
            std::initializer_list<std::string_view> known) const;

  const Node* map(const Node& parent, std::string_view name) const;
  const Node* list(const Node& parent, std::string_view name) const;
  std::string text(const Node& parent, std::string_view name, std::string fallback) const;
  std::string required(const Node& parent, std::string_view name) const;
  std::uint64_t number(const Node& parent, std::string_view name, std::uint64_t fallback,
                       std::uint64_t min, std::uint64_t max) const;
  double real(const Node& parent, std::string_view name, double fallback) const;
  bool flag(const Node& parent, std::string_view name, bool fallback) const;
  stdx::Duration duration(const Node& parent, std::string_view name, stdx::Duration fallback) const;
  std::uint64_t bytes(const Node& parent, std::string_view name, std::uint64_t fallback) const;
  std::vector<std::string> texts(const Node& parent, std::string_view name) const;
  std::vector<std::pair<std::string, std::string>> pairs(const Node& parent,
                                                         std::string_view name) const;

 private:
  const Node* scalar(const Node& parent, std::string_view name) const;

  std::string file_;
  std::vector<std::string>& findings_;
};

}  // namespace config
