// SPDX-License-Identifier: Apache-2.0
#include "mex/layout.h"

#include <charconv>
#include <cmath>

#include "adapters/yaml/yaml.h"
#include "config/node.h"
#include "stdx/text.h"

namespace mex {

namespace {

using config::Node;
using config::Reader;
using stdx::format;

constexpr const char* layout_file = "world/layout.yaml";

// Metres, or a direction: x, y and z.
void check_vector(const Reader& reader, const Node& item, std::string_view key) {
  if (item.find(key) == nullptr) return;
  const auto* vector = reader.list(item, key);
  if (vector == nullptr) return;
  bool good = vector->items.size() == 3;
  for (const auto& part : vector->items) {
    double number = 0;
    const auto* end = part.text.data() + part.text.size();
    const auto read = std::from_chars(part.text.data(), end, number);
    good = good && part.kind == Node::Kind::scalar && read.ec == std::errc() && read.ptr == end &&
           std::isfinite(number);
  }
  if (!good) reader.fail(*vector, format("{} must be three numbers, [x, y, z]", key));
}

class Layout {
 public:
  Layout(const Reader& reader, const std::set<std::string>& spaces)
      : reader_(reader), spaces_(spaces) {}

  void locations(const Node& root) {
    each(root, "locations", {"name", "position", "space"}, [this](const Node& item) {
      const auto name = reader_.required(item, "name");
      if (!name.empty() && !names_.insert(name).second)
        reader_.fail(item, format("location '{}' is declared twice", stdx::printable(name, 80)));
      check_vector(reader_, item, "position");
      const auto space = reader_.text(item, "space", "");
      if (!space.empty() && !spaces_.contains(space))
        reader_.fail(item, format("the topology has no space '{}'", stdx::printable(space, 80)));
    });
  }
  void faces(const Node& root) {
    each(root, "faces", {"name", "location", "direction"}, [this](const Node& item) {
      refers(item, "location");
      check_vector(reader_, item, "direction");
    });
  }
  void routes(const Node& root) {
    each(root, "routes", {"name", "from", "to"}, [this](const Node& item) {
      refers(item, "from");
      refers(item, "to");
    });
  }

 private:
  template <typename Check>
  void each(const Node& root, std::string_view list, std::initializer_list<std::string_view> keys,
            const Check& check) {
    const auto* items = reader_.list(root, list);
    if (items == nullptr) return;
    for (const auto& item : items->items) {
      reader_.only(item, format("{}[]", list), keys);
      if (item.kind == Node::Kind::map) check(item);
    }
  }
  void refers(const Node& item, std::string_view key) {
    const auto name = reader_.required(item, key);
    if (!name.empty() && !names_.contains(name))
      reader_.fail(item, format("{} names no location: '{}'", key, stdx::printable(name, 80)));
  }

  const Reader& reader_;
  const std::set<std::string>& spaces_;
  std::set<std::string> names_;
};

}  // namespace

void check_layout(const std::string& text, const std::set<std::string>& spaces,
                  std::vector<std::string>& findings) {
  const auto root = adapters::yaml::parse(text, layout_file);
  if (!root) {
    findings.push_back(root.error().message);
    return;
  }
  const Reader reader(layout_file, findings);
  reader.only(*root, layout_file, {"apiVersion", "kind", "locations", "faces", "routes"});
  if (root->kind != Node::Kind::map) return;
  if (reader.text(*root, "apiVersion", "") != "samoza/v1")
    reader.fail(*root, "apiVersion", "apiVersion must be samoza/v1");
  if (reader.text(*root, "kind", "") != "Layout") reader.fail(*root, "kind", "kind must be Layout");
  Layout layout(reader, spaces);
  layout.locations(*root);
  layout.faces(*root);
  layout.routes(*root);
}

}  // namespace mex
