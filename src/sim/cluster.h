// SPDX-License-Identifier: Apache-2.0
#pragma once

// A whole cluster on virtual time, from the product's own controlplane, zmesh, zrms, zrun and
// startz objects. Zhosts are "z0", "z1", …; the control plane's machine is "cp". Everything is
// killed by destroying it; disks and the database outlive that.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapters/store_memory/memory_store.h"
#include "controlplane/service.h"
#include "sim/activation_checker.h"
#include "sim/checker.h"
#include "sim/child_process.h"
#include "sim/delivery_checker.h"
#include "sim/guests.h"
#include "sim/log_checks.h"
#include "sim/once_checker.h"
#include "sim/outside_checker.h"
#include "sim/register_checker.h"
#include "sim/sim_key.h"
#include "sim/sim_stores.h"
#include "simkit/http.h"
#include "simkit/network.h"
#include "simkit/processes.h"
#include "simkit/stub_certifier.h"
#include "simkit/stub_identity.h"
#include "startz/service.h"
#include "zmesh/http_api.h"
#include "zmesh/service.h"
#include "zrms/service.h"
#include "zrun/service.h"

namespace sim {

namespace v1 = samoza::v1;

class Cluster {
 public:
  explicit Cluster(ClusterOptions options);
  ~Cluster();

  // --- parts ---
  simkit::World world;
  simkit::Network network{world};
  simkit::HttpNetwork web{world, network};
  adapters::store_memory::Database database;
  simkit::StubCertifier certifier;
  controlplane::Authority::Options authority;
  std::string join_token;  // the text
  Checker checker;
  DeliveryChecker delivery{[this](std::string what) { checker.violate(std::move(what)); }};
  OnceChecker once{[this](std::string what) { checker.violate(std::move(what)); }};
  OutsideChecker outside{[this](std::string what) { checker.violate(std::move(what)); }};
  ActivationChecker activations{[this](std::string what) { checker.violate(std::move(what)); }};
  RegisterChecker placements{[this](std::string what) { checker.violate(std::move(what)); }};
  Stage stage;
  std::function<void(const LogLine&)> on_log;
  std::function<void(std::size_t zhost)> on_term_taken;
  std::function<void(const std::string&)> on_message;  // what guests send and take
  std::vector<LogLine> log;                            // what a person would read: info and above

  std::size_t size() const { return zhosts_.size(); }
  static std::string id(std::size_t zhost) { return "z" + std::to_string(zhost); }

  // --- faults ---
  void start_control_plane();
  void kill_control_plane();
  bool control_plane_up() const { return control_plane_ != nullptr; }
  // What the control plane says of its records (P15).
  bool records_behind() const;
  bool records_open() const;
  void start_zhost(std::size_t zhost);
  // Its disk loses what it knew of the records.
  void forget_records(std::size_t zhost) { zhosts_[zhost].records.Clear(); }
  std::vector<v1::RecordsKnown> records_on_disks() const;
  void set_records_on_disk(std::size_t zhost, const v1::RecordsKnown& known) {
    zhosts_[zhost].records = known;
  }
  void kill_zhost(std::size_t zhost);  // every process at once, as kill -9
  bool zhost_up(std::size_t zhost) const { return zhosts_[zhost].node != nullptr; }
  bool crash(std::size_t zhost, const std::string& child);
  // SIGSTOP and SIGCONT; "startz" too. No effect on what is not there (any more).
  void pause(std::size_t zhost, const std::string& process);
  void resume(std::size_t zhost, const std::string& process);
  // Its wall clock is set: that far from true time.
  void set_wall_clock(std::size_t zhost, stdx::Duration offset) {
    zhosts_[zhost].clock.wall_offset = offset;
  }

  // The clock of every machine is set: a cluster that was off for that long.
  void pass_wall_time(stdx::Duration time);
  const v1::ZhostCredentials& credentials(std::size_t zhost) const {
    return zhosts_[zhost].credentials;
  }
  const v1::KeyRing& keys(std::size_t zhost) const { return zhosts_[zhost].keys; }
  const wire::RevokedTokens& revoked(std::size_t zhost) const { return zhosts_[zhost].revoked; }
  // The zhost has another state_dir, or no join token any more.
  void set_credentials(std::size_t zhost, v1::ZhostCredentials kept) {
    zhosts_[zhost].credentials = std::move(kept);
  }

  void set_disk(std::size_t zhost, simkit::DiskState::Mode mode) {
    zhosts_[zhost].disk_state.mode = mode;
  }

  // --- operators ---
  // POST /v1/topologies at that zhost.
  // `update`: the topology that it is the next version of; empty: it is a new one.
  void submit(std::size_t zhost, const samoza::v1::TopologySpec& spec,
              std::function<void(ports::HttpResponse)> done, const std::string& update = "");
  void http(std::size_t zhost, const std::string& method, const std::string& path,
            std::function<void(ports::HttpResponse)> done);

  // An operator had the answer that a submit was taken: what was promised. Gives the topology's id.
  std::string note_accepted(const ports::HttpResponse& response,
                            const samoza::v1::TopologySpec& spec);

  // Asks that zhost where all spaces are, and holds the answer against S5.
  void read_placements(std::size_t zhost);

  // Through the HTTP interface of the zhost's zmesh.
  void send(std::size_t zhost, const std::string& topology, const std::string& from,
            const std::string& path, const std::string& payload,
            std::function<void(ports::HttpResponse)> done);

  // A message from outside with its id as its text, of a caller that waits for 5 s.
  void ask_outside(std::size_t zhost, const std::string& topology, const std::string& space,
                   const std::string& message, std::function<void(ports::HttpResponse)> done);

  // --- views ---
  double metric(std::size_t zhost, const std::string& child, const std::string& name);
  zrms::Service* zrms_of(std::size_t zhost);
  zmesh::Service* zmesh_of(std::size_t zhost);
  startz::Service* startz_of(std::size_t zhost);
  zrun::Service* zrun_of(std::size_t zhost);
  const Disk& disk(std::size_t zhost) const { return zhosts_[zhost].disk; }
  // The zhost whose zrms leads and is ready, or -1.
  int leader();
  // Live running instances of a space, as "z1/3".
  std::vector<std::string> instances(const std::string& space);
  // All topologies that should run do, each space exactly once, and one leads.
  bool settled(std::string* why = nullptr);
  // The paths of all topologies that should run.
  std::vector<Way> ways();

 private:
  void make_authority();
  bool runs_another_version(const std::string& topology, const model::Space& spec);
  struct Node;
  struct ControlPlane;
  struct Zhost : Machine {
    std::unique_ptr<Node> node;
  };
  std::shared_ptr<void> launch(std::size_t zhost, const ports::ProcessSpec& spec,
                               std::function<void()> end);
  void logged(const simkit::Process& process, ports::Level level, std::string_view event,
              ports::Fields fields);
  ChildProcess* child(std::size_t zhost, const std::string& name);
  simkit::Process* process(std::size_t zhost, const std::string& name);

  ClusterOptions options_;
  simkit::MachineClock control_plane_clock_;
  std::unique_ptr<ControlPlane> control_plane_;
  std::vector<Zhost> zhosts_;
  Surroundings around_;
  LogChecks log_checks_;
};

}  // namespace sim
