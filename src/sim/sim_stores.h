// SPDX-License-Identifier: Apache-2.0
#pragma once

// A zhost's disk and package reader in the simulator. An "archive" is a serialized TopologySpec:
// MEX has its own tests; here only where its bytes go matters.

#include <map>

#include "ports/blob_store.h"
#include "ports/package_reader.h"
#include "ports/resources.h"
#include "ports/sensors.h"
#include "samoza/v1/topology.pb.h"
#include "simkit/disk.h"
#include "simkit/process.h"
#include "simkit/stub_engine.h"
#include "simkit/stub_package.h"
#include "stdx/text.h"
#include "wire/frame.h"
#include "wire/topology_codec.h"

namespace sim {

using Disk = std::map<std::string, stdx::Bytes>;

inline std::string name_of(const stdx::Bytes& bytes) {
  std::uint64_t hash = 0xcbf29ce484222325ull;
  for (unsigned char c : bytes) hash = (hash ^ c) * 0x100000001b3ull;
  return stdx::format("{:064x}", hash);
}

class SimBlobs final : public ports::BlobStore {
 public:
  SimBlobs(simkit::Process& process, Disk& disk, const simkit::DiskState& state)
      : process_(process), disk_(disk), state_(state) {}
  void put(stdx::Bytes blob, Done<std::string> done) override {
    state_.run(process_, std::chrono::milliseconds(5), [this, blob = std::move(blob), done] {
      if (!state_.takes_writes() || state_.fails())
        return done(stdx::fail(stdx::Code::full, "the disk of the zhost has no room"));
      const auto name = name_of(blob);
      disk_[name] = blob;
      done(name);
    });
  }
  void put_as(const std::string& sha256, stdx::Bytes blob, Done<std::string> done) override {
    if (name_of(blob) == sha256) return put(std::move(blob), std::move(done));
    process_.after(std::chrono::milliseconds(5), [done] {
      done(stdx::fail(stdx::Code::corrupt, "these bytes are another archive"));
    });
  }
  void get(const std::string& sha256, Done<stdx::Bytes> done) override {
    state_.run(process_, std::chrono::milliseconds(2), [this, sha256, done] {
      if (state_.fails()) return done(stdx::fail(stdx::Code::unavailable, "the disk failed"));
      const auto at = disk_.find(sha256);
      if (at == disk_.end()) return done(stdx::fail(stdx::Code::not_found, "no such archive"));
      done(at->second);
    });
  }
  bool has(const std::string& sha256) const override { return disk_.contains(sha256); }
  void remove(const std::string& sha256) override { disk_.erase(sha256); }
  std::vector<std::string> list() const override {
    std::vector<std::string> names;
    for (const auto& [name, bytes] : disk_) names.push_back(name);
    return names;
  }

 private:
  simkit::Process& process_;
  Disk& disk_;
  const simkit::DiskState& state_;
};

class SimPackages final : public ports::PackageReader {
 public:
  explicit SimPackages(simkit::Process& process) : process_(process) {}
  void open(std::shared_ptr<const stdx::Bytes> archive, Done done) override {
    process_.after(std::chrono::milliseconds(5), [archive, done] {
      const auto spec = wire::parse<samoza::v1::TopologySpec>(*archive);
      if (!spec) return done(std::unexpected(spec.error()));
      auto topology = wire::from_wire(*spec);
      if (!topology) return done(std::unexpected(topology.error()));
      done(std::make_shared<const simkit::StubPackage>(std::move(*topology)));
    });
  }

 private:
  simkit::Process& process_;
};

// CALL spaces; the first two have the path "link" between them and never share a zhost.
inline samoza::v1::TopologySpec call_topology(const std::string& name,
                                              const std::vector<std::string>& spaces,
                                              const std::string& pace = "calm") {
  model::Topology topology;
  topology.name = name;
  topology.owner = "sim";
  for (const auto& space : spaces) {
    auto& made = topology.spaces.emplace_back();
    made.name = space;
    made.entry = pace;
  }
  if (spaces.size() > 1) {
    topology.spaces[1].placement.anti_affinity = {spaces[0]};
    topology.paths = {{"link", spaces[0], spaces[1], model::Delivery::at_least_once}};
  }
  model::normalize(topology);
  return wire::to_wire(topology);
}

// What a campaign runs: a source, a worker and a sink, the last two together or never on one zhost,
// and a path past the worker that may lose messages; or a source that fills a store.
inline samoza::v1::TopologySpec flow_topology(const std::string& name, const std::string& pace,
                                              bool with_store, bool apart) {
  using model::Delivery;
  model::Topology topology;
  topology.name = name;
  topology.owner = "sim";
  const auto space = [&](const std::string& part) -> model::Space& {
    auto& made = topology.spaces.emplace_back();
    made.name = name + "-" + part;
    made.entry = pace;
    return made;
  };
  const auto path = [&](const char* part, const char* from, const char* to, Delivery delivery) {
    auto& made = topology.paths.emplace_back();
    made.name = name + part;
    made.from = name + from;
    made.to = name + to;
    made.delivery = delivery;
  };
  space("source");
  if (with_store) {
    auto& store = space("store");
    store.type = model::SpaceType::data;
    store.store = model::StoreKind::local;
    store.capabilities = {"data.read", "data.write"};
    path("-keep", "-source", "-store", Delivery::at_least_once);
  } else {
    space("worker").limits.mailbox_messages = 16;
    auto& sink = space("sink");
    sink.limits.mailbox_messages = 16;
    // Not `= {…}`: with -fsanitize=address GCC 12 breaks down over that.
    (apart ? sink.placement.anti_affinity : sink.placement.affinity).push_back(name + "-worker");
    path("-up", "-source", "-worker", Delivery::at_least_once);
    path("-down", "-worker", "-sink", Delivery::at_least_once);
    path("-past", "-source", "-sink", Delivery::at_most_once);
  }
  model::normalize(topology);
  return wire::to_wire(topology);
}

// Numbers along two `once` paths; every space keeps in its store how far it has come.
inline samoza::v1::TopologySpec once_topology(const std::string& name) {
  model::Topology topology;
  topology.name = name;
  topology.owner = "sim";
  for (const char* part : {"-source", "-middle", "-sink"}) {
    auto& space = topology.spaces.emplace_back();
    space.name = name + part;
    space.entry = "once";
    space.type = model::SpaceType::data;
    space.store = model::StoreKind::local;
    space.capabilities = {"data.read", "data.write"};
    space.limits.mailbox_messages = 16;
  }
  topology.paths = {{name + "-first", name + "-source", name + "-middle", model::Delivery::once},
                    {name + "-second", name + "-middle", name + "-sink", model::Delivery::once}};
  model::normalize(topology);
  return wire::to_wire(topology);
}

class SimResources final : public ports::Resources {
 public:
  ports::ResourceSample sample() override {
    return {0.1, 4, 1u << 20, 1u << 30, 1u << 20, 1u << 30};
  }
};

struct NoSensors final : ports::Sensors {
  std::vector<std::string> types() const override { return {}; }
  stdx::Result<std::unique_ptr<ports::Sensor>> open(const std::string& type,
                                                    std::function<void(stdx::Bytes)>) override {
    return stdx::fail(stdx::Code::not_found, type);
  }
};

}  // namespace sim
