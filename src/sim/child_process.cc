// SPDX-License-Identifier: Apache-2.0
#include "sim/child_process.h"

#include <utility>

namespace sim {

ChildProcess::ChildProcess(const Surroundings& around, Machine& machine, const std::string& name,
                           std::function<void()> end, std::function<void()> ended)
    : process(around.world, machine.id, name, around.log, &machine.clock),
      runtime(process.runtime()),
      identity(around.certifier, process),
      asking(around.certifier, process),
      transport(around.network.transport(process, machine.ip, &identity)),
      key(machine.keys, process),
      gone{std::move(ended)} {
  if (name == "zmesh") {
    start_zmesh(around, machine);
    zmesh->on_stop = std::move(end);
  } else if (name == "zrms") {
    start_zrms(around, machine);
    zrms->on_stop = std::move(end);
  } else {
    start_zrun(around, machine);
    zrun->on_stop = std::move(end);
  }
}

void ChildProcess::start_zmesh(const Surroundings& around, Machine& machine) {
  ::zmesh::Options options;
  options.cluster_id = "sim";
  options.self.set_zhost_id(machine.id);
  options.self.set_incarnation(machine.incarnation);
  options.self.set_address(machine.ip);
  options.self.set_port(9201);
  options.self.set_memory_bytes(1u << 30);
  options.self.set_cpu_cores(4);
  options.self.set_spaces_max(static_cast<std::uint32_t>(around.options.spaces_max));
  options.control_plane = around.control_plane;
  options.kept_credentials = machine.credentials;
  options.keep_credentials = [&machine](const v1::ZhostCredentials& kept) {
    machine.credentials = kept;
  };
  options.join_token = [&join_token = around.join_token] { return join_token; };
  options.kept_keys = machine.keys;
  options.keep_keys = [&machine](const v1::KeyRing& kept) { machine.keys = kept; };
  options.revoked = machine.revoked;
  http = around.web.client(process, &identity);
  asking_http = around.web.client(process, &asking);
  zmesh = std::make_unique<::zmesh::Service>(runtime, *transport, *http, *asking_http,
                                             ports::Security{around.certifier, identity, asking},
                                             options);
  zmesh_http = std::make_unique<::zmesh::HttpApi>(runtime, *zmesh, 9200);
  const auto started = zmesh->start();
  if (!started) around.violate("zmesh: " + started.error().message);
}

void ChildProcess::start_zrms(const Surroundings& around, Machine& machine) {
  blobs = std::make_unique<SimBlobs>(process, machine.disk, machine.disk_state);
  packages = std::make_unique<SimPackages>(process);
  auto options = around.options.zrms;
  options.cluster_id = "sim";
  options.zhost = machine.id;
  options.incarnation = machine.incarnation;
  options.run = ++machine.zrms_runs;
  options.key = &key;
  zrms =
      std::make_unique<::zrms::Service>(runtime, *transport, *packages, *blobs, resources, options);
  zrms->start();
}

void ChildProcess::start_zrun(const Surroundings& around, Machine& machine) {
  blobs = std::make_unique<SimBlobs>(process, machine.disk, machine.disk_state);
  packages = std::make_unique<SimPackages>(process);
  engine = std::make_unique<FlowEngine>(process, around.stage, machine.incarnation);
  data = std::make_unique<simkit::MemoryDataStore>(process, machine.data, machine.disk_state);
  ::zrun::Options options;
  options.cluster_id = "sim";
  options.zhost = machine.id;
  options.incarnation = machine.incarnation;
  options.ip = machine.ip;
  zrun = std::make_unique<::zrun::Service>(
      runtime,
      ::zrun::Dependencies{*transport, identity, *engine, *data, *blobs, *packages, sensors},
      options);
  const auto started = zrun->start();
  if (!started) around.violate("zrun: " + started.error().message);
}

}  // namespace sim
