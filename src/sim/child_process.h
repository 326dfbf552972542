// SPDX-License-Identifier: Apache-2.0
#pragma once

// One process of a simulated zhost: zmesh, zrms or zrun on simulated ports. It starts when it is
// made and is killed by destroying it; the Machine that it is on outlives it.

#include <functional>
#include <memory>
#include <string>

#include "ports/transport.h"
#include "sim/guests.h"
#include "sim/sim_key.h"
#include "sim/sim_stores.h"
#include "simkit/http.h"
#include "simkit/network.h"
#include "simkit/process.h"
#include "simkit/stub_certifier.h"
#include "simkit/stub_identity.h"
#include "wire/revoked_tokens.h"
#include "zmesh/http_api.h"
#include "zmesh/service.h"
#include "zrms/service.h"
#include "zrun/service.h"

namespace sim {

namespace v1 = samoza::v1;

struct ClusterOptions {
  std::size_t zhosts = 3;
  std::uint64_t seed = 1;
  stdx::Duration beat_interval = std::chrono::milliseconds(100);
  std::size_t spaces_max = 20'000;  // zrun.limits.spaces of each zhost
  zrms::Options zrms;               // intervals; names are filled in
  // How much faster or slower than true time the monotonic clock of a zhost may be; which, by seed.
  int clock_per_mille = 0;
};

// What outlives the processes of a zhost: its disks, its clock, and how often it was started.
struct Machine {
  std::string id, ip;
  std::uint64_t incarnation = 0, zrms_runs = 0;
  v1::RecordsKnown records;          // what startz keeps on disk of the records
  v1::ZhostCredentials credentials;  // what zmesh keeps on disk
  v1::KeyRing keys;
  wire::RevokedTokens revoked;  // what startz keeps of it
  simkit::MachineClock clock;
  simkit::DiskState disk_state;
  Disk disk;
  simkit::MemoryDataStore::Disk data;
};

// The cluster around a process.
struct Surroundings {
  simkit::World& world;
  simkit::Network& network;
  simkit::HttpNetwork& web;
  simkit::StubCertifier& certifier;
  Stage& stage;
  const ClusterOptions& options;
  const std::string& join_token;
  ports::Endpoint control_plane;
  simkit::LogSink log;
  std::function<void(const std::string& what)> violate;
};

struct ChildProcess {
  // `end`: startz asked it to end. `ended`: it is gone, however that came.
  ChildProcess(const Surroundings& around, Machine& machine, const std::string& name,
               std::function<void()> end, std::function<void()> ended);

  // Says when the process that it is in has ended.
  struct End {
    std::function<void()> tell;
    ~End() {
      if (tell) tell();
    }
  };
  // Members end in reverse order: a service before its ports, all of it before the process.
  simkit::Process process;
  ports::Runtime runtime;
  simkit::StubIdentity identity, asking;
  std::unique_ptr<ports::Transport> transport;
  std::unique_ptr<ports::HttpClient> http, asking_http;
  std::unique_ptr<SimBlobs> blobs;
  std::unique_ptr<SimPackages> packages;
  SimResources resources;
  NoSensors sensors;
  std::unique_ptr<FlowEngine> engine;
  std::unique_ptr<simkit::MemoryDataStore> data;
  SimKey key;
  End gone;
  std::unique_ptr<::zmesh::Service> zmesh;
  std::unique_ptr<::zmesh::HttpApi> zmesh_http;
  std::unique_ptr<::zrms::Service> zrms;
  std::unique_ptr<::zrun::Service> zrun;

 private:
  void start_zmesh(const Surroundings& around, Machine& machine);
  void start_zrms(const Surroundings& around, Machine& machine);
  void start_zrun(const Surroundings& around, Machine& machine);
};

}  // namespace sim
