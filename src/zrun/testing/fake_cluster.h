// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "model/topology_update.h"
#include "simkit/space_logs.h"
#include "simkit/stub_certifier.h"
#include "simkit/stub_engine.h"
#include "simkit/stub_identity.h"
#include "simkit/stub_package.h"
#include "stdx/encoding.h"
#include "wire/topology_codec.h"
#include "zmesh/testing/fake_control_plane.h"
#include "zmesh/testing/fake_node.h"
#include "zrun/service.h"

namespace zrun {

using namespace std::chrono_literals;

// Every archive is on disk already, and is the topology of the test.
struct TestDisk final : ports::BlobStore, ports::PackageReader {
  model::Topology topology;
  std::map<std::string, stdx::Bytes> files;  // that are no modules
  std::string archive = "archive";           // what place commands name
  void put(stdx::Bytes blob, BlobStore::Done<std::string> done) override { done(std::move(blob)); }
  void put_as(const std::string& sha256, stdx::Bytes, BlobStore::Done<std::string> done) override {
    done(sha256);
  }
  void get(const std::string& sha256, BlobStore::Done<stdx::Bytes> done) override { done(sha256); }
  bool has(const std::string&) const override { return true; }
  void remove(const std::string&) override {}
  std::vector<std::string> list() const override { return {}; }
  void open(std::shared_ptr<const stdx::Bytes>, PackageReader::Done done) override {
    done(std::make_shared<const simkit::StubPackage>(topology, files));
  }
};

struct NoSensors final : ports::Sensors {
  std::vector<std::string> types() const override { return {}; }
  stdx::Result<std::unique_ptr<ports::Sensor>> open(const std::string& type,
                                                    std::function<void(stdx::Bytes)>) override {
    return stdx::fail(stdx::Code::not_found, type);
  }
};

struct Zrun {
  simkit::Process process;
  ports::Runtime runtime;
  std::unique_ptr<ports::Transport> transport;
  simkit::StubCertifier certifier;
  simkit::StubIdentity identity{certifier, process};
  simkit::StubEngine engine;
  simkit::DiskState disk_state;
  simkit::MemoryDataStore data;
  simkit::MemorySpaceLogs logs;
  std::unique_ptr<ports::HttpClient> http;
  std::unique_ptr<Service> service;
  Zrun(simkit::World& world, simkit::Network& network, const std::string& id, const std::string& ip,
       simkit::StubEngine::Make make, simkit::MemoryDataStore::Disk& stored, TestDisk& disk,
       NoSensors& sensors, simkit::MemorySpaceLogs::Disk& said, simkit::HttpNetwork& web,
       std::optional<TraceExporter::Endpoint> traces, double trace_ratio)
      : process(world, id, "zrun"),
        runtime(process.runtime()),
        transport(network.transport(process, ip)),
        engine(process, std::move(make)),
        data(process, stored, disk_state),
        logs(process, said),
        http(web.client(process)) {
    Options options;
    options.traces = std::move(traces);
    options.trace_ratio = trace_ratio;
    options.cluster_id = "test";
    options.zhost = id;
    options.incarnation = 1;
    options.ip = ip;
    service = std::make_unique<Service>(
        runtime,
        Dependencies{*transport, identity, engine, data, disk, disk, sensors, &logs, http.get()},
        options);
    EXPECT_TRUE(service->start());
  }
};

// Zhosts with their zmesh and their zrun over a simulated network, and one topology whose guests
// are programs. The test plays the leader of zrms: it places and tells the directory. What a space
// stores outlives the zrun that ran it.
struct FakeCluster {
  simkit::World world;
  simkit::Network network{world};
  simkit::HttpNetwork web{world, network};
  zmesh::FakeControlPlane control_plane{world, network, web};
  TestDisk disk;
  NoSensors sensors;
  simkit::StubEngine::Make guests;
  std::map<std::string, simkit::MemoryDataStore::Disk> stored;  // by zhost
  std::map<std::string, simkit::MemorySpaceLogs::Disk> said;    // by zhost
  std::map<std::string, std::unique_ptr<zmesh::FakeNode>> zmesh;
  std::map<std::string, std::unique_ptr<Zrun>> zrun;
  std::map<std::string, std::string> ips;
  std::optional<TraceExporter::Endpoint> traces;  // of zruns that are started later
  double trace_ratio = 0;
  const std::string id = stdx::uuid_from(1, 2);
  std::map<std::string, std::pair<std::string, std::uint64_t>> where;  // space -> zhost, epoch

  // `zhosts`: names; each gets its address.
  FakeCluster(std::uint64_t seed, const std::vector<std::string>& zhosts) : world(seed) {
    for (const auto& zhost : zhosts) {
      ips[zhost] = "127.0.0." + std::to_string(ips.size() + 1);
      start_zmesh(zhost);
    }
    EXPECT_TRUE(world.run_until_true(
        [&] {
          for (auto& [name, node] : zmesh)
            if (node->service->peers().size() + 1 != zhosts.size()) return false;
          return true;
        },
        10s));
    world.run_for(200ms);
  }
  ~FakeCluster() {
    for (auto& [name, process] : zrun)
      if (process) process->service.reset();
  }
  void start_zmesh(const std::string& zhost) {
    zmesh[zhost] =
        std::make_unique<zmesh::FakeNode>(world, network, web, zhost, ips.at(zhost), "zrms");
    zmesh[zhost]->other->start();
  }
  void start_zrun(const std::string& zhost) {
    zrun[zhost] =
        std::make_unique<Zrun>(world, network, zhost, ips.at(zhost), guests, stored[zhost], disk,
                               sensors, said[zhost], web, traces, trace_ratio);
  }
  std::string place(const std::string& space, const std::string& zhost, std::uint64_t epoch,
                    std::uint32_t run = 1, bool data_expected = false, std::uint64_t replaces = 0) {
    v1::PlaceCommand command;
    auto& header = *command.mutable_header();
    header.set_zhost(zhost);
    header.set_incarnation(1);
    header.set_topology_id(id);
    header.set_space(space);
    header.set_epoch(epoch);
    command.set_run(run);
    command.set_data_expected(data_expected);
    command.set_mex_sha256(disk.archive);
    command.set_topology_version(disk.topology.version);
    command.set_replaces(replaces);
    *command.mutable_topology() = wire::to_wire(disk.topology);
    for (const auto& path : disk.topology.paths) {
      if (path.to != space) continue;
      auto& sender = *command.add_senders();
      sender.set_space(path.from);
      sender.set_epoch(where[path.from].second);
    }
    const auto outcome = zrun.at(zhost)->service->place(command).outcome();
    if (outcome == "accepted") where[space] = {zhost, epoch};
    return outcome;
  }
  v1::StopCommand stop_command(const std::string& space, std::uint64_t epoch) const {
    v1::StopCommand command;
    command.mutable_header()->set_topology_id(id);
    command.mutable_header()->set_space(space);
    command.mutable_header()->set_epoch(epoch);
    return command;
  }
  std::size_t others = 0;  // spaces of other topologies on zhost "a", before those of this one
  // `only`: the zhosts that hear of it; none: all.
  void tell_directory(const std::set<std::string>& only = {}) {
    v1::DirectoryUpdate update;
    update.set_term(1);
    update.set_sequence(1);
    update.set_complete(true);
    update.set_part(1);
    for (std::size_t i = 0; i < others; ++i) {
      auto* entry = update.add_entries();
      entry->set_topology_id(stdx::uuid_from(0, i));
      entry->set_space("other");
      entry->set_zhost("a");
      entry->set_epoch(1);
    }
    for (std::uint32_t i = 0; i < disk.topology.spaces.size(); ++i) {
      const auto& name = disk.topology.spaces[i].name;
      auto* entry = update.add_entries();
      entry->set_topology_id(id);
      entry->set_space(name);
      entry->set_space_index(i);
      entry->set_zhost(where[name].first);
      entry->set_incarnation(1);
      entry->set_epoch(where[name].second);
      entry->set_running(true);
      const auto& space = disk.topology.spaces[i];
      entry->set_page(space.type == model::SpaceType::ui);
      if (!space.ingress && space.route.empty() && !entry->page()) continue;
      entry->set_topology(disk.topology.name);
      entry->set_ingress(space.ingress);
      entry->set_route(space.route);
    }
    for (auto& [name, node] : zmesh)
      if (node && (only.empty() || only.contains(name)))
        node->other->notify(rpc::address("", "zmesh"), "zmesh.directory",
                            update.SerializeAsString());
  }

  const Space* at(const std::string& space) {
    return zrun.at(where.at(space).first)->service->spaces().space("", space);
  }
  bool runs(const std::string& space, std::uint64_t epoch) {
    const auto* found = at(space);
    return found != nullptr && found->id().epoch.value == epoch &&
           found->state() == SpaceState::running;
  }
  // The topology of the disk becomes a newer version, in which `change` was done.
  void next_version(const std::function<void(model::Topology&)>& change) {
    auto next = model::without_removed(disk.topology);
    change(next);
    model::normalize(next);
    model::define(next);
    disk.topology = model::update(disk.topology, next)->topology;
  }
  // A new instance takes the place of `space` where it runs, as in an update.
  void replace(const std::string& space) {
    const auto [zhost, epoch] = where.at(space);
    EXPECT_EQ(place(space, zhost, epoch + 1, 1, false, epoch), "accepted");
    EXPECT_TRUE(world.run_until_true([&] { return runs(space, epoch + 1); }, 10s)) << space;
    tell_directory();
  }
};

}  // namespace zrun
