// SPDX-License-Identifier: Apache-2.0
#pragma once

// The one YAML of a zhost (R-SVC-14; docs/configuration.md has every key). Environment variables of
// the reference override it: ZMESH_CONTROLPLANE, ZMESH_REGION, ZMESH_CLUSTER, ZMESH_ZHOST_ID; and
// ZMESH_JOIN_TOKEN_FILE. XDG_STATE_HOME and HOME say where the join token and the zhost's folders
// are by default; a relative path in the file is relative to the file's own folder.

#include <map>
#include <string>
#include <vector>

#include "config/node.h"
#include "stdx/result.h"
#include "stdx/time.h"

namespace config {

struct ControlPlaneUrl {
  std::string host;
  std::uint16_t port = 9000;
  std::string path = "/ws";
};
// "ws://HOST:9000" and "ws://HOST:9000/ws" (R-DEC-2); of IPv6 "ws://[fd00::1]:9000".
stdx::Result<ControlPlaneUrl> parse_control_plane(const std::string& url);

struct ZhostConfig {
  std::string zhost_id;
  std::string region;
  std::map<std::string, std::string> labels;
  std::vector<std::string> devices;

  std::string cluster_id = "samoza";
  ControlPlaneUrl control_plane;
  // Empty: not set, and there is no home folder to have it in.
  std::string join_token_file;

  std::string bind = "127.0.0.1";  // of the services' HTTP, on loopback
  // Where other machines reach this zhost (9201, and 9000 with a control plane), and what it tells
  // them: IP addresses, the first one preferred. By default `bind`.
  std::vector<std::string> outside_bind, advertise;
  std::string run_dir, state_dir;
  std::string log_dir;  // empty: stderr

  struct {
    bool enabled = false;
    std::uint16_t port = 9000;
    std::string store = "sqlite";  // sqlite | postgres | memory
    std::string sqlite;            // file; default state_dir/controlplane.db
    std::string postgres;          // conninfo
    // Folder with the key and certificate of the cluster's authority; default CLUSTER.ca beside the
    // join token.
    std::string authority;
    // Copies of the records that other zhosts keep: how often one is made where something has
    // changed (0: never), and on how many zhosts each is.
    stdx::Duration copies_interval = std::chrono::minutes(10);
    std::uint64_t copies_zhosts = 3;
  } control_plane_service;
  // What this zhost keeps of them.
  std::uint64_t copies_kept = 5, copies_bytes = 256u << 20;

  std::uint16_t zmesh_port = 9200, peer_port = 9201, zrms_port = 7331, zrun_port = 8080,
                zbase_port = 7071;

  std::string profile = "lan";  // lan | edge | seed
  stdx::Duration beat_interval{}, suspect_after{}, failure_timeout{}, check_interval{},
      report_interval{}, restart_grace{};

  std::uint32_t on_init_deadline_ms = 5000, on_process_watchdog_ms = 10'000,
                on_close_deadline_ms = 2000;
  std::uint64_t memory_bytes = 0;     // promised to spaces at most; 0: what the machine has
  std::uint64_t spaces_max = 20'000;  // at most that: a report of all of them fits one frame

  stdx::Duration compile_time = std::chrono::seconds(60);  // of one module, in a process of its own
  std::uint64_t compile_memory_bytes = 2ull << 30;
  std::uint64_t disk_reserve_bytes = 64u << 20;  // room on the disk that stores never take

  // Where the spans of traced messages go, and how many of them are traced. No host: none.
  struct {
    std::string host, path;
    std::uint16_t port = 4318;
    double ratio = 0.01;
  } tracing;

  std::string trust_policy = "dev";  // dev | prod
  std::vector<std::string> trust_keys;
};

// ${XDG_STATE_HOME:-~/.local/state}/samoza: of the user, wherever the programs are started. Empty
// where the environment names no home.
std::string state_home(const std::map<std::string, std::string>& environment);

// Every finding, one per line, or the configuration. `file` is for the messages and for paths.
stdx::Result<ZhostConfig> parse_zhost_config(const Node& root, const std::string& file,
                                             const std::map<std::string, std::string>& environment);

}  // namespace config
