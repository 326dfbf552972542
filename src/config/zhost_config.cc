// SPDX-License-Identifier: Apache-2.0
#include "config/zhost_config.h"

#include <algorithm>
#include <filesystem>

#include "config/key_text.h"
#include "stdx/encoding.h"
#include "stdx/text.h"

namespace config {
namespace {

constexpr std::uint64_t memory_bytes_min = 1u << 20;

using namespace std::chrono_literals;
using stdx::Code;
using stdx::format;

void apply_profile(ZhostConfig& c) {
  c.report_interval = 10s;
  c.restart_grace = 1s;
  if (c.profile == "edge") {
    c.beat_interval = 1s;
    c.suspect_after = 8s;
    c.failure_timeout = 20s;
    c.check_interval = 250ms;
  } else if (c.profile == "seed") {
    // Exactly the published figures; the resource report is the heartbeat (R-FAIL-1..3).
    c.beat_interval = 0s;
    c.suspect_after = 15s;
    c.failure_timeout = 30s;
    c.check_interval = 5s;
  } else {
    c.beat_interval = 100ms;
    c.suspect_after = 1s;
    c.failure_timeout = 3400ms;
    c.check_interval = 50ms;
  }
}

std::uint16_t port(const Reader& reader, const Node& parent, std::string_view name,
                   std::uint16_t fallback) {
  return static_cast<std::uint16_t>(reader.number(parent, name, fallback, 1, 65535));
}

void read_zhost(const Reader& reader, const Node& root, ZhostConfig& c) {
  const auto* zhost = reader.map(root, "zhost");
  if (zhost == nullptr) {
    reader.fail(root, "zhost is missing; it needs at least zhost.id");
    return;
  }
  reader.only(*zhost, "zhost", {"id", "region", "labels", "devices", "bind", "advertise"});
  c.zhost_id = reader.text(*zhost, "id", "");
  c.region = reader.text(*zhost, "region", "");
  for (auto& [name, value] : reader.pairs(*zhost, "labels")) c.labels[name] = value;
  c.devices = reader.texts(*zhost, "devices");
}

void read_services(const Reader& reader, const Node& root, ZhostConfig& c) {
  if (const auto* node = reader.map(root, "zmesh")) {
    reader.only(*node, "zmesh", {"port", "peer_port"});
    c.zmesh_port = port(reader, *node, "port", c.zmesh_port);
    c.peer_port = port(reader, *node, "peer_port", c.peer_port);
  }
  if (const auto* node = reader.map(root, "zbase")) {
    reader.only(*node, "zbase", {"port"});
    c.zbase_port = port(reader, *node, "port", c.zbase_port);
  }
  if (const auto* node = reader.map(root, "zrms")) {
    reader.only(*node, "zrms",
                {"port", "resource_reporting", "failure_detection", "restart_grace"});
    c.zrms_port = port(reader, *node, "port", c.zrms_port);
    c.restart_grace = reader.duration(*node, "restart_grace", c.restart_grace);
    if (const auto* reporting = reader.map(*node, "resource_reporting")) {
      reader.only(*reporting, "zrms.resource_reporting", {"interval"});
      c.report_interval = reader.duration(*reporting, "interval", c.report_interval);
    }
    if (const auto* detection = reader.map(*node, "failure_detection")) {
      reader.only(*detection, "zrms.failure_detection", {"timeout", "check_interval", "suspect"});
      c.failure_timeout = reader.duration(*detection, "timeout", c.failure_timeout);
      c.check_interval = reader.duration(*detection, "check_interval", c.check_interval);
      c.suspect_after = reader.duration(*detection, "suspect", c.suspect_after);
    }
  }
  if (const auto* node = reader.map(root, "zrun")) {
    reader.only(*node, "zrun", {"port", "runtime", "limits"});
    c.zrun_port = port(reader, *node, "port", c.zrun_port);
    if (const auto* runtime = reader.map(*node, "runtime")) {
      reader.only(*runtime, "zrun.runtime", {"budgets"});
      if (const auto* budgets = reader.map(*runtime, "budgets")) {
        reader.only(*budgets, "zrun.runtime.budgets",
                    {"on_init_deadline_ms", "on_process_watchdog_ms", "on_close_deadline_ms"});
        const auto ms = [&](std::string_view name, std::uint32_t fallback) {
          return static_cast<std::uint32_t>(reader.number(*budgets, name, fallback, 1, 600'000));
        };
        c.on_init_deadline_ms = ms("on_init_deadline_ms", c.on_init_deadline_ms);
        c.on_process_watchdog_ms = ms("on_process_watchdog_ms", c.on_process_watchdog_ms);
        c.on_close_deadline_ms = ms("on_close_deadline_ms", c.on_close_deadline_ms);
      }
    }
    if (const auto* limits = reader.map(*node, "limits")) {
      reader.only(*limits, "zrun.limits",
                  {"memory", "spaces", "disk_reserve", "compile_time", "compile_memory"});
      c.compile_time = reader.duration(*limits, "compile_time", c.compile_time);
      c.compile_memory_bytes = reader.bytes(*limits, "compile_memory", c.compile_memory_bytes);
      c.disk_reserve_bytes = reader.bytes(*limits, "disk_reserve", c.disk_reserve_bytes);
      c.memory_bytes = reader.bytes(*limits, "memory", c.memory_bytes);
      if (c.memory_bytes != 0 && c.memory_bytes < memory_bytes_min)
        reader.fail(
            *limits, "memory",
            stdx::format("zrun.limits.memory is {} bytes; it must be at least 1 MiB, written "
                         "like 512MiB or 2GiB, or 0 for what the machine has",
                         c.memory_bytes));
      c.spaces_max = reader.number(*limits, "spaces", c.spaces_max, 1, 20'000);
    }
  }
}

void read_trust(const Reader& reader, const Node& root, ZhostConfig& c) {
  const auto* trust = reader.map(root, "trust");
  if (trust == nullptr) return;
  reader.only(*trust, "trust", {"policy", "keys"});
  c.trust_policy = reader.text(*trust, "policy", c.trust_policy);
  if (const auto* keys = reader.list(*trust, "keys"))
    for (const auto& item : keys->items) {
      const auto key = parse_public_key(item.text, "trust.keys: an entry");
      if (key)
        c.trust_keys.push_back(stdx::base64_encode(*key));
      else
        reader.fail(item, key.error().message);
    }
  if (c.trust_policy != "dev" && c.trust_policy != "prod")
    reader.fail(*trust, "policy",
                format("trust.policy is '{}'; it must be dev or prod",
                       stdx::printable(c.trust_policy, 40)));
}

// http://HOST[:PORT][/PATH], as OTLP exporters take it.
stdx::Status read_endpoint(const std::string& url, ZhostConfig& c) {
  const auto wrong = [&](const char* why) {
    return stdx::fail(Code::invalid,
                      format("tracing.endpoint is '{}'; {}", stdx::printable(url, 120), why));
  };
  if (url.starts_with("https://"))
    return wrong("TLS is not built: use an http:// collector on this machine that sends on");
  constexpr std::string_view scheme = "http://";
  constexpr const char* form =
      "it must be http://HOST:PORT or http://HOST:PORT/PATH, such as http://127.0.0.1:4318";
  if (!url.starts_with(scheme)) return wrong(form);
  std::string rest = url.substr(scheme.size());
  const auto slash = rest.find('/');
  c.tracing.path =
      slash == std::string::npos || rest.substr(slash) == "/" ? "/v1/traces" : rest.substr(slash);
  rest = rest.substr(0, slash);
  if (rest.find_first_of("@?#[] ") != std::string::npos || url.find_first_of("?# ") != url.npos)
    return wrong(form);
  if (const auto colon = rest.find(':'); colon != std::string::npos) {
    const auto number = stdx::parse_u64(rest.substr(colon + 1));
    if (!number || *number == 0 || *number > 65535) return wrong(form);
    c.tracing.port = static_cast<std::uint16_t>(*number);
    rest.resize(colon);
  }
  if (rest.empty()) return wrong(form);
  c.tracing.host = rest;
  return {};
}

void read_tracing(const Reader& reader, const Node& root, ZhostConfig& c) {
  const auto* tracing = reader.map(root, "tracing");
  if (tracing == nullptr) return;
  reader.only(*tracing, "tracing", {"endpoint", "ratio"});
  const auto url = reader.text(*tracing, "endpoint", "");
  if (url.empty())
    reader.fail(*tracing, "endpoint",
                "tracing.endpoint is missing: the URL of an OTLP collector, such as "
                "http://127.0.0.1:4318");
  else if (auto good = read_endpoint(url, c); !good)
    reader.fail(*tracing, "endpoint", good.error().message);
  c.tracing.ratio = reader.real(*tracing, "ratio", c.tracing.ratio);
  if (!(c.tracing.ratio >= 0 && c.tracing.ratio <= 1))
    reader.fail(*tracing, "ratio",
                format("tracing.ratio is {}; it must be between 0 (only what callers trace) and 1 "
                       "(every message)",
                       c.tracing.ratio));
}

// Four numbers, or what may be IPv6.
bool is_address(const std::string& text) {
  if (text.find(':') != std::string::npos)
    return text.find_first_not_of("0123456789abcdefABCDEF:.") == std::string::npos;
  std::size_t at = 0;
  for (int part = 1; part <= 4; ++part) {
    const auto dot = part == 4 ? text.size() : text.find('.', at);
    if (dot == std::string::npos) return false;
    const auto number = stdx::parse_u64(text.substr(at, dot - at));
    if (!number || *number > 255) return false;
    at = dot + 1;
  }
  return true;
}

bool is_any(const std::string& ip) {
  return ip == "0.0.0.0" || ip == "::";
}
bool is_loopback(const std::string& ip) {
  return ip.starts_with("127.") || ip == "::1";
}

// zhost.bind and zhost.advertise: one address, or several.
void read_addresses(const Reader& reader, const Node& root, ZhostConfig& c) {
  constexpr std::size_t addresses_max = 8;
  const auto* zhost = reader.map(root, "zhost");
  const auto read = [&](const char* key) {
    std::vector<std::string> list;
    const auto* node = zhost == nullptr ? nullptr : zhost->find(key);
    if (node != nullptr && node->kind == Node::Kind::scalar)
      list = {node->text};
    else if (node != nullptr)
      list = reader.texts(*zhost, key);
    for (const auto& ip : list)
      if (!is_address(ip))
        reader.fail(*zhost, key,
                    format("zhost.{}: '{}' is no IP address, such as 10.0.0.5 or fd00::5", key,
                           stdx::printable(ip, 80)));
    if (list.size() > addresses_max)
      reader.fail(*zhost, key, format("zhost.{}: {} addresses at most", key, addresses_max));
    return list;
  };
  c.outside_bind = read("bind");
  c.advertise = read("advertise");
  if (is_address(c.bind) && !is_loopback(c.bind))
    reader.fail(root, "bind",
                format("bind is '{}', but services answer HTTP on loopback only; set bind: to a "
                       "127.x address, and zhost.bind: to the address for other machines",
                       c.bind));
  if (c.outside_bind.empty()) c.outside_bind.push_back(c.bind);
  if (c.advertise.empty())
    for (const auto& ip : c.outside_bind)
      if (!is_any(ip)) c.advertise.push_back(ip);
  if (c.advertise.empty())
    reader.fail(*zhost, "bind",
                "zhost.advertise is missing: with zhost.bind every address is listened on, and "
                "other zhosts must be told which ones to dial");
  for (const auto& ip : c.advertise)
    if (is_any(ip))
      reader.fail(*zhost, "advertise", format("zhost.advertise: nobody can dial {}", ip));
}

// Ids name folders, and stand in addresses and logs.
constexpr const char* id_rule =
    "it must be 1 to 63 letters, digits, '_', '.' or '-', the first a letter or digit";
bool is_id(const std::string& text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !text.empty() && text.size() <= 63 && plain(text[0]) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return plain(c) || c == '_' || c == '.' || c == '-'; });
}

void read_control_plane(const Reader& reader, const Node& root, ZhostConfig& c) {
  const auto* node = reader.map(root, "control_plane");
  if (node == nullptr) return;
  reader.only(*node, "control_plane",
              {"enabled", "port", "store", "sqlite", "postgres", "copies", "authority"});
  auto& service = c.control_plane_service;
  service.enabled = reader.flag(*node, "enabled", false);
  service.port = port(reader, *node, "port", service.port);
  service.store = reader.text(*node, "store", service.store);
  service.sqlite = reader.text(*node, "sqlite", "");
  service.postgres = reader.text(*node, "postgres", "");
  service.authority = reader.text(*node, "authority", "");
  if (const auto* copies = reader.map(*node, "copies")) {
    reader.only(*copies, "control_plane.copies", {"interval", "zhosts"});
    service.copies_interval = reader.duration(*copies, "interval", service.copies_interval);
    if (service.copies_interval > 0s && service.copies_interval < 1s)
      reader.fail(*copies, "interval",
                  "control_plane.copies.interval is under a second; 0s makes no copies");
    service.copies_zhosts = reader.number(*copies, "zhosts", service.copies_zhosts, 1, 100);
  }
  if (service.store != "sqlite" && service.store != "postgres" && service.store != "memory")
    reader.fail(*node, "store",
                format("control_plane.store is '{}'; it must be sqlite, postgres or memory",
                       stdx::printable(service.store, 40)));
  if (service.store == "postgres" && service.postgres.empty())
    reader.fail(*node, "postgres",
                "control_plane.postgres is missing: the connection, such as "
                "\"host=/run/postgresql dbname=samoza\"");
}

// What a configuration file names is relative to its own folder.
std::string beside(const std::string& file, const std::string& path) {
  if (path.empty() || path.starts_with('/')) return path;
  return (std::filesystem::path(file).parent_path() / path).lexically_normal().string();
}

// A value of the file, or of the variable that overrides it; what is wrong is said of the one that
// it came from.
struct Overridden {
  const Reader& reader;
  const Node& root;
  const std::map<std::string, std::string>& environment;
  std::vector<std::string>& findings;

  bool given(const char* variable) const {
    const auto at = environment.find(variable);
    return at != environment.end() && !at->second.empty();
  }
  void apply(const char* variable, std::string& value) const {
    if (given(variable)) value = environment.at(variable);
  }
  void fail(std::string_view key, const char* variable, const std::string& message) const {
    if (given(variable))
      findings.push_back(format("the environment variable {}: {}", variable, message));
    else
      reader.fail(root, key, message);
  }
};

void read_cluster(const Reader& reader, const Node& root, const std::string& file,
                  const Overridden& from, ZhostConfig& c) {
  std::string url = "ws://127.0.0.1:9000/ws";
  if (const auto* cluster = reader.map(root, "cluster")) {
    reader.only(*cluster, "cluster", {"id", "control_plane", "join_token_file"});
    c.cluster_id = reader.text(*cluster, "id", c.cluster_id);
    url = reader.text(*cluster, "control_plane", url);
    c.join_token_file = beside(file, reader.text(*cluster, "join_token_file", ""));
  }
  from.apply("ZMESH_CONTROLPLANE", url);
  from.apply("ZMESH_REGION", c.region);
  from.apply("ZMESH_CLUSTER", c.cluster_id);
  from.apply("ZMESH_ZHOST_ID", c.zhost_id);
  from.apply("ZMESH_JOIN_TOKEN_FILE", c.join_token_file);
  if (auto parsed = parse_control_plane(url))
    c.control_plane = *parsed;
  else
    from.fail("cluster.control_plane", "ZMESH_CONTROLPLANE", parsed.error().message);
  if (c.zhost_id.empty())
    from.fail("zhost.id", "ZMESH_ZHOST_ID", "zhost.id is missing; set it or ZMESH_ZHOST_ID");
  else if (!is_id(c.zhost_id))
    from.fail("zhost.id", "ZMESH_ZHOST_ID",
              format("zhost.id is '{}'; {}", stdx::printable(c.zhost_id, 80), id_rule));
  // All zhosts of one user on one machine find the same join token with no set-up, and nobody else
  // can read it.
  const auto state = state_home(from.environment);
  if (!is_id(c.cluster_id))
    from.fail("cluster.id", "ZMESH_CLUSTER",
              format("cluster.id is '{}'; {}", stdx::printable(c.cluster_id, 80), id_rule));
  else if (c.join_token_file.empty() && !state.empty())
    c.join_token_file = format("{}/{}.join", state, c.cluster_id);
}

void read_folders(const Reader& reader, const Node& root, const std::string& file,
                  const std::map<std::string, std::string>& environment, ZhostConfig& c) {
  const auto state = state_home(environment);
  const auto place = [&](const char* key, const char* folder) {
    const auto given = reader.text(root, key, "");
    if (!given.empty()) return beside(file, given);
    return state.empty() ? beside(file, format("{}/{}", folder, c.zhost_id))
                         : format("{}/{}/{}/{}", state, c.cluster_id, c.zhost_id, folder);
  };
  c.run_dir = place("run_dir", "run");
  c.state_dir = place("state_dir", "state");
  c.log_dir = beside(file, reader.text(root, "log_dir", ""));
}

}  // namespace

std::string state_home(const std::map<std::string, std::string>& environment) {
  // The base directory specification says to ignore what is not absolute.
  const auto folder = [&](const char* name) {
    const auto at = environment.find(name);
    return at == environment.end() || !at->second.starts_with('/') ? "" : at->second;
  };
  auto state = folder("XDG_STATE_HOME");
  if (const auto home = folder("HOME"); state.empty() && !home.empty())
    state = home + "/.local/state";
  return state.empty() ? "" : state + "/samoza";
}

stdx::Result<ControlPlaneUrl> parse_control_plane(const std::string& url) {
  const auto wrong = [&] {
    return stdx::fail(Code::invalid, format("control plane '{}' must be ws://HOST:PORT or "
                                            "ws://HOST:PORT/ws (or wss://)",
                                            stdx::printable(url, 120)));
  };
  // The published form is ws://; a zhost speaks TLS with either.
  const std::size_t scheme = url.starts_with("ws://") ? 5 : url.starts_with("wss://") ? 6 : 0;
  if (scheme == 0) return wrong();
  ControlPlaneUrl parsed;
  std::string rest = url.substr(scheme);
  const auto slash = rest.find('/');
  parsed.path = slash == std::string::npos ? "/" : rest.substr(slash);
  if (parsed.path != "/" && parsed.path != "/ws") return wrong();
  rest = rest.substr(0, slash);
  // An IPv6 address stands in brackets.
  const auto bracket = rest.starts_with('[') ? rest.find(']') : 0;
  if (bracket == std::string::npos) return wrong();
  const auto colon = rest.find(':', bracket);
  if (rest.starts_with('[') && colon != std::string::npos && colon != bracket + 1) return wrong();
  if (colon != std::string::npos) {
    const auto number = stdx::parse_u64(rest.substr(colon + 1));
    if (!number || *number == 0 || *number > 65535) return wrong();
    parsed.port = static_cast<std::uint16_t>(*number);
  }
  parsed.host = rest.starts_with('[') ? rest.substr(1, bracket - 1) : rest.substr(0, colon);
  if (parsed.host.empty()) return wrong();
  return parsed;
}

stdx::Result<ZhostConfig> parse_zhost_config(
    const Node& root, const std::string& file,
    const std::map<std::string, std::string>& environment) {
  std::vector<std::string> findings;
  const Reader reader(file, findings);
  ZhostConfig c;
  reader.only(root, "the configuration",
              {"zhost", "cluster", "bind", "run_dir", "state_dir", "log_dir", "profile",
               "control_plane", "copies", "zmesh", "zrms", "zrun", "zbase", "tracing", "trust"});
  c.profile = reader.text(root, "profile", c.profile);
  if (c.profile != "lan" && c.profile != "edge" && c.profile != "seed")
    reader.fail(
        root, "profile",
        format("profile is '{}'; it must be lan, edge or seed", stdx::printable(c.profile, 40)));
  apply_profile(c);
  read_zhost(reader, root, c);
  read_cluster(reader, root, file, {reader, root, environment, findings}, c);
  c.bind = reader.text(root, "bind", c.bind);
  if (!is_address(c.bind))
    reader.fail(root, "bind",
                format("bind is '{}'; it must be an IP address, such as 127.0.0.1",
                       stdx::printable(c.bind, 80)));
  read_addresses(reader, root, c);
  read_folders(reader, root, file, environment, c);
  read_control_plane(reader, root, c);
  auto& sqlite = c.control_plane_service.sqlite;
  sqlite = sqlite.empty() ? c.state_dir + "/controlplane.db" : beside(file, sqlite);
  auto& authority = c.control_plane_service.authority;
  const auto token_folder = std::filesystem::path(c.join_token_file).parent_path().string();
  authority =
      authority.empty() ? format("{}/{}.ca", token_folder, c.cluster_id) : beside(file, authority);
  if (const auto* copies = reader.map(root, "copies")) {
    reader.only(*copies, "copies", {"kept", "bytes"});
    c.copies_kept = reader.number(*copies, "kept", c.copies_kept, 1, 1000);
    c.copies_bytes = reader.bytes(*copies, "bytes", c.copies_bytes);
  }
  read_services(reader, root, c);
  if (c.failure_timeout < 2 * std::max(c.beat_interval, stdx::Duration(100ms)))
    reader.fail(root, "zrms.failure_detection.timeout",
                "zrms.failure_detection.timeout is under two beats: one lost beat would move "
                "every space");
  read_trust(reader, root, c);
  read_tracing(reader, root, c);
  if (findings.empty()) return c;
  return stdx::fail(Code::invalid, format("{}", fmt::join(findings, "\n")));
}

}  // namespace config
