// SPDX-License-Identifier: Apache-2.0
#include "mex/topology_yaml.h"

#include <algorithm>
#include <map>

#include "adapters/yaml/yaml.h"
#include "config/node.h"
#include "stdx/near_miss.h"
#include "stdx/text.h"

namespace mex {
namespace {

constexpr std::string_view deliveries[] = {"at-most-once", "at-least-once", "once"};
constexpr std::string_view space_types[] = {"UI", "IO", "DATA", "CHAT", "CALL"};

std::string unknown_type(const std::string& type) {
  return stdx::format("type '{}' must be UI, IO, DATA, CHAT or CALL{}", stdx::printable(type, 40),
                      stdx::did_you_mean(type, space_types));
}

using config::Node;
using config::Reader;
using stdx::format;

void read_limits(const Reader& reader, const Node& root, model::SpaceLimits& limits) {
  if (const auto* node = reader.map(root, "limits")) {
    reader.only(*node, "limits",
                {"memory", "mailbox_messages", "mailbox_bytes", "log_bytes_per_second", "data"});
    limits.memory_bytes = reader.bytes(*node, "memory", limits.memory_bytes);
    limits.mailbox_messages = static_cast<std::uint32_t>(
        reader.number(*node, "mailbox_messages", limits.mailbox_messages, 1, 1u << 20));
    limits.mailbox_bytes = reader.bytes(*node, "mailbox_bytes", limits.mailbox_bytes);
    limits.data_bytes = reader.bytes(*node, "data", limits.data_bytes);
    limits.log_bytes_per_second =
        reader.bytes(*node, "log_bytes_per_second", limits.log_bytes_per_second);
  }
  const auto* runtime = reader.map(root, "runtime");
  if (runtime == nullptr) return;
  reader.only(*runtime, "runtime", {"budgets"});
  const auto* budgets = reader.map(*runtime, "budgets");
  if (budgets == nullptr) return;
  reader.only(*budgets, "runtime.budgets",
              {"on_init_deadline_ms", "on_process_watchdog_ms", "on_close_deadline_ms"});
  const auto ms = [&](std::string_view name, std::uint32_t fallback) {
    return static_cast<std::uint32_t>(reader.number(*budgets, name, fallback, 1, 600'000));
  };
  limits.on_init_deadline_ms = ms("on_init_deadline_ms", limits.on_init_deadline_ms);
  limits.on_process_watchdog_ms = ms("on_process_watchdog_ms", limits.on_process_watchdog_ms);
  limits.on_close_deadline_ms = ms("on_close_deadline_ms", limits.on_close_deadline_ms);
}

BuildSettings read_build(const Reader& reader, const Node& root, std::uint64_t memory_bytes) {
  BuildSettings settings;
  const auto* build = reader.map(root, "build");
  if (build == nullptr) return settings;
  reader.only(*build, "build", {"stack"});
  const auto stack = reader.bytes(*build, "stack", 0);
  if (build->find("stack") == nullptr) return settings;
  if (stack < stack_bytes_min || stack > memory_bytes / 2)
    reader.fail(*build, "stack",
                format("build.stack is {} bytes; it must be {} to {}, half of limits.memory", stack,
                       stack_bytes_min, memory_bytes / 2));
  else
    settings.stack_bytes = stack;
  return settings;
}

void read_placement(const Reader& reader, const Node& root, model::PlacementRules& rules) {
  const auto* node = reader.map(root, "placement");
  if (node == nullptr) return;
  reader.only(*node, "placement",
              {"anti_affinity", "prefer_apart", "affinity", "region", "labels", "devices"});
  rules.anti_affinity = reader.texts(*node, "anti_affinity");
  rules.prefer_apart = reader.texts(*node, "prefer_apart");
  rules.affinity = reader.texts(*node, "affinity");
  rules.region = reader.text(*node, "region", "");
  for (auto& [name, value] : reader.pairs(*node, "labels")) rules.labels[name] = value;
  rules.devices = reader.texts(*node, "devices");
}

// When on_process is called without a message.
void read_idle(const Reader& reader, const Node& root, model::Space& space) {
  const auto idle = reader.text(root, "idle", "back-off");
  if (idle == "wait")
    space.idle = model::Idle::wait;
  else if (idle != "back-off")
    reader.fail(root, "idle",
                format("idle is '{}'; it must be wait (on_process is called for messages "
                       "only) or back-off (it is also called after a growing pause)",
                       stdx::printable(idle, 40)));
  if (space.type == model::SpaceType::ui && space.idle == model::Idle::wait)
    reader.fail(root, "idle", "idle is for spaces with a module; a UI space has no on_process");
}

// How it is reached from outside.
void read_doors(const Reader& reader, const Node& root, model::Space& space) {
  space.ingress = reader.flag(root, "ingress", false);
  if (const auto* http = reader.map(root, "http")) {
    reader.only(*http, "http", {"route"});
    space.route = reader.required(*http, "route");
  }
}

// Every key and value below a node, with the line of the first one that says it.
void gather(const Node& node, std::map<std::string, int>& words) {
  if (node.kind == Node::Kind::scalar && !node.text.empty())
    words.try_emplace(node.text, node.line);
  for (const auto& item : node.items) gather(item, words);
  for (const auto& field : node.fields) {
    words.try_emplace(field.first, field.second.key_line);
    gather(field.second, words);
  }
}

void read_space_file(const ReadFile& read, model::Space& space, std::vector<std::string>& findings,
                     std::map<std::string, int>& words) {
  const std::string file = "spaces/" + space.name + "/space.yaml";
  const auto text = read(file);
  if (!text) {
    findings.push_back(format("space '{}': {} is missing", space.name, file));
    return;
  }
  const auto root = adapters::yaml::parse(*text, file);
  if (!root) {
    findings.push_back(root.error().message);
    return;
  }
  gather(*root, words);
  const Reader reader(file, findings);
  reader.only(
      *root, "space.yaml",
      {"type", "entry", "capabilities", "limits", "runtime", "placement", "store", "config",
       "endpoints", "resources", "partition", "assets", "idle", "build", "ingress", "http"});
  const auto type = model::parse_space_type(reader.required(*root, "type"));
  if (!type)
    reader.fail(*root, "type", unknown_type(reader.required(*root, "type")));
  else if (*type != space.type)
    reader.fail(
        *root, "type",
        format("type differs from topology.yaml, which says {}", model::to_string(space.type)));
  const bool ui = space.type == model::SpaceType::ui;
  space.entry =
      "spaces/" + space.name + "/" + reader.text(*root, "entry", ui ? "index.html" : "core.wasm");
  const auto declared = reader.texts(*root, "capabilities");
  if (space.capabilities.empty()) {
    space.capabilities = declared;
  } else {
    for (const auto& name : space.capabilities)
      if (std::find(declared.begin(), declared.end(), name) == declared.end())
        reader.fail(*root, "capabilities",
                    format("topology.yaml grants '{}', which space.yaml does not declare",
                           stdx::printable(name, 60)));
  }
  read_limits(reader, *root, space.limits);
  read_build(reader, *root, space.limits.memory_bytes);
  if (ui && root->find("build") != nullptr)
    reader.fail(*root, "build", "build is for spaces with a module; a UI space is packed as it is");
  read_placement(reader, *root, space.placement);
  const auto store = reader.text(*root, "store", "");
  if (store == "local") space.store = model::StoreKind::local;
  if (store == "cluster") space.store = model::StoreKind::cluster;
  if (root->find("store") != nullptr && store != "local" && store != "cluster")
    reader.fail(*root, "store", "store must be local or cluster");
  for (auto& [name, value] : reader.pairs(*root, "config")) space.config[name] = value;
  space.endpoints = reader.texts(*root, "endpoints");
  if (const auto* resources = reader.map(*root, "resources")) {
    reader.only(*resources, "resources", {"cpu"});
    space.cpu_share = reader.real(*resources, "cpu", 0);
  }
  read_idle(reader, *root, space);
  read_doors(reader, *root, space);
  const auto partition = reader.text(*root, "partition", "autonomous");
  if (partition == "strict")
    reader.fail(*root, "partition",
                "partition: strict is not built yet; use autonomous (docs/status.md)");
  else if (partition != "autonomous")
    reader.fail(*root, "partition", "partition must be autonomous or strict");
}

model::Space read_space(const Reader& reader, const Node& item) {
  model::Space space;
  reader.only(item, "spaces[]", {"name", "type", "path", "capabilities", "mex", "config"});
  space.name = reader.required(item, "name");
  const auto type_text = reader.required(item, "type");
  const auto type = model::parse_space_type(type_text);
  if (!type && (type_text == "FUNC" || type_text == "AGENTIC"))
    reader.fail(item, "type", format("{} is an agent, not a type of space (R-DEC-23)", type_text));
  else if (!type && !type_text.empty())
    reader.fail(item, "type", unknown_type(type_text));
  space.type = type.value_or(model::SpaceType::call);
  space.path = reader.text(item, "path", "");
  space.capabilities = reader.texts(item, "capabilities");
  space.mex = reader.text(item, "mex", "");
  for (auto& [name, value] : reader.pairs(item, "config")) space.config[name] = value;
  return space;
}

model::Path read_path(const Reader& reader, const Node& item) {
  model::Path path;
  reader.only(item, "paths[]", {"name", "from", "to", "delivery", "max_deliveries", "out", "in"});
  path.from = reader.required(item, "from");
  path.to = reader.required(item, "to");
  path.name = reader.text(item, "name", path.from + "-" + path.to);
  path.out = reader.text(item, "out", "");
  path.in = reader.text(item, "in", "");
  path.max_deliveries = static_cast<std::uint32_t>(
      reader.number(item, "max_deliveries", path.max_deliveries, 1, 1000));
  const auto delivery = reader.text(item, "delivery", "at-least-once");
  if (delivery == "at-most-once")
    path.delivery = model::Delivery::at_most_once;
  else if (delivery == "once")
    path.delivery = model::Delivery::once;
  else if (delivery != "at-least-once")
    reader.fail(item, "delivery",
                format("path '{}': delivery '{}' must be at-most-once, at-least-once or once{}",
                       stdx::printable(path.name, 80), stdx::printable(delivery, 40),
                       stdx::did_you_mean(delivery, deliveries)));
  return path;
}

// Where topology.yaml says what a finding is about: a finding of model::validate begins with it.
struct Lines {
  std::map<std::string, int, std::less<>> subjects;  // "space 'a'" -> line
  // What the space.yaml of a space says, key or value, with its line; and what its own entry in
  // topology.yaml says.
  std::map<std::string, std::map<std::string, int>> files;
  std::map<std::string, std::map<std::string, int>> entries;

  void note(const char* kind, const std::string& name, const Node& at) {
    subjects[format("{} '{}'", kind, name)] = at.line;  // of two the second one, which is too many
  }
  // Of the value that `text` quotes, or of the first key that it names, where the space.yaml has it
  // and topology.yaml has not; 0: it says neither.
  int line_in_file(const std::string& space, std::string_view text) const {
    const auto file = files.find(space);
    if (file == files.end()) return 0;
    const auto entry = entries.find(space);
    const auto quoted = stdx::split(text, '\'');
    for (std::size_t i = 1; i < quoted.size(); i += 2) {
      const std::string word(quoted[i]);
      if (entry != entries.end() && entry->second.contains(word)) return 0;
      if (const auto at = file->second.find(word); at != file->second.end()) return at->second;
    }
    for (const auto& [word, line] : file->second)
      if (text.find(word) != std::string_view::npos && word != "type" && word.size() > 3)
        return line;
    return 0;
  }
  std::string of(const std::string& file, const std::string& finding) const {
    const auto first = finding.find('\'');
    const auto last = first == std::string::npos ? first : finding.find('\'', first + 1);
    const auto at = last == std::string::npos
                        ? subjects.end()
                        : subjects.find(std::string_view(finding).substr(0, last + 1));
    if (at != subjects.end() && finding.starts_with("space '")) {
      const auto name = finding.substr(first + 1, last - first - 1);
      if (const int line = line_in_file(name, std::string_view(finding).substr(last + 1)); line > 0)
        return format("spaces/{}/space.yaml:{}: {}", name, line, finding);
    }
    return format("{}:{}: {}", file, at == subjects.end() ? 1 : at->second, finding);
  }
};

// The keys that both kinds of topology.yaml have.
model::Topology read_graph(const std::string& text, const std::string& topology_file,
                           std::vector<std::string>& findings, Lines& lines) {
  model::Topology topology;
  const auto root = adapters::yaml::parse(text, topology_file);
  if (!root) {
    findings.push_back(root.error().message);
    return topology;
  }
  const Reader reader(topology_file, findings);
  reader.only(*root, topology_file, {"apiVersion", "kind", "metadata", "spaces", "paths"});
  if (reader.text(*root, "apiVersion", "") != "samoza/v1")
    reader.fail(*root, "apiVersion", "apiVersion must be samoza/v1");
  if (reader.text(*root, "kind", "") != "Topology")
    reader.fail(*root, "kind", "kind must be Topology");
  if (const auto* metadata = reader.map(*root, "metadata")) {
    reader.only(*metadata, "metadata", {"name", "owner"});
    topology.name = reader.required(*metadata, "name");
    lines.note("metadata.name", topology.name, metadata->nearest("name"));
    topology.owner = reader.text(*metadata, "owner", "");
  } else {
    reader.fail(*root, "metadata is missing");
  }
  if (const auto* spaces = reader.list(*root, "spaces"))
    for (const auto& item : spaces->items) {
      topology.spaces.push_back(read_space(reader, item));
      lines.note("space", topology.spaces.back().name, item.nearest("name"));
      gather(item, lines.entries[topology.spaces.back().name]);
    }
  if (const auto* paths = reader.list(*root, "paths"))
    for (const auto& item : paths->items) {
      topology.paths.push_back(read_path(reader, item));
      lines.note("path", topology.paths.back().name, item);
    }
  return topology;
}

}  // namespace

model::Topology read_topology(const ReadFile& read, const std::string& topology_file,
                              std::vector<std::string>& findings) {
  const auto text = read(topology_file);
  if (!text) {
    findings.push_back(format("{} is missing", topology_file));
    return {};
  }
  Lines lines;
  auto topology = read_graph(*text, topology_file, findings, lines);
  for (auto& space : topology.spaces)
    if (model::is_name(space.name) && space.mex.empty())
      read_space_file(read, space, findings, lines.files[space.name]);
  model::normalize(topology);
  if (findings.empty())
    for (const auto& finding : model::validate(topology))
      findings.push_back(lines.of(topology_file, finding));
  return topology;
}

BuildSettings build_settings(const std::string& text, const std::string& file) {
  std::vector<std::string> unheeded;
  const auto root = adapters::yaml::parse(text, file);
  if (!root) return {};
  const Reader reader(file, unheeded);
  model::SpaceLimits limits;
  read_limits(reader, *root, limits);
  return read_build(reader, *root, limits.memory_bytes);
}

model::Topology read_standalone(const std::string& text, const std::string& file,
                                std::vector<std::string>& findings) {
  Lines lines;
  auto topology = read_graph(text, file, findings, lines);
  for (const auto& space : topology.spaces) {
    const auto where = lines.of(file, format("space '{}'", stdx::printable(space.name, 80)));
    if (space.mex.empty())
      findings.push_back(
          format("{}: mex is missing; each space of a stand-alone topology names the MEX it comes "
                 "from (R-TOPO-4)",
                 where));
    else if (space.mex.starts_with("/"))
      findings.push_back(format("{}: mex '{}' must be a path relative to {} (R-TOPO-4)", where,
                                stdx::printable(space.mex, 200), file));
  }
  if (findings.empty())
    for (const auto& finding : model::validate_graph(topology))
      findings.push_back(lines.of(file, finding));
  return topology;
}

}  // namespace mex
