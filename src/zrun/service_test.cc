// SPDX-License-Identifier: Apache-2.0
// Two zhosts, each with its zmesh and its zrun, over a simulated network: source -> relay -> sink.
#include "zrun/service.h"

#include <gtest/gtest.h>

#include <set>

#include "simkit/stub_engine.h"
#include "stdx/encoding.h"
#include "wire/data_frame.h"
#include "wire/topology_codec.h"
#include "zmesh/fake_control_plane.h"

namespace zrun {
namespace {

using namespace std::chrono_literals;

class TestPackage final : public ports::Package {
 public:
  explicit TestPackage(model::Topology topology) : topology_(std::move(topology)) {}
  const model::Topology& topology() const override { return topology_; }
  std::string version() const override { return "1"; }
  std::string publisher() const override { return "test"; }
  bool is_signed() const override { return true; }
  std::vector<std::string> files() const override { return {}; }
  stdx::Result<stdx::Bytes> read(const std::string& path) const override {
    return simkit::stub_module(path);
  }

 private:
  model::Topology topology_;
};

// Every archive is on disk already, and is the topology of the test.
struct TestDisk final : ports::BlobStore, ports::PackageReader {
  model::Topology topology;
  void put(stdx::Bytes blob, BlobStore::Done<std::string> done) override { done(std::move(blob)); }
  void get(const std::string& sha256, BlobStore::Done<stdx::Bytes> done) override { done(sha256); }
  bool has(const std::string&) const override { return true; }
  stdx::Status remove(const std::string&) override { return {}; }
  std::vector<std::string> list() const override { return {}; }
  void open(std::shared_ptr<const stdx::Bytes>, PackageReader::Done done) override {
    done(std::make_shared<const TestPackage>(topology));
  }
};

struct NoSensors final : ports::Sensors {
  std::vector<std::string> types() const override { return {}; }
  stdx::Result<std::unique_ptr<ports::Sensor>> open(const std::string& type,
                                                    std::function<void(stdx::Bytes)>) override {
    return stdx::fail(stdx::Code::not_found, type);
  }
};

struct Setup {
  int last = 200;
  std::uint32_t pause_ms = 2, busy_ms = 0;
  model::Delivery delivery = model::Delivery::at_least_once;
  std::uint32_t mailbox = 1024;
};

struct Zrun {
  simkit::Process process;
  ports::Runtime runtime;
  std::unique_ptr<ports::Transport> transport;
  simkit::StubEngine engine;
  simkit::MemoryDataStore data;
  std::unique_ptr<Service> service;
  Zrun(simkit::World& world, simkit::Network& network, const std::string& id, const std::string& ip,
       simkit::StubEngine::Make make, TestDisk& disk, NoSensors& sensors)
      : process(world, id, "zrun"),
        runtime(process.runtime()),
        transport(network.transport(process, ip)),
        engine(process, std::move(make)),
        data(process) {
    Options options;
    options.cluster_id = "test";
    options.zhost = id;
    options.incarnation = 1;
    options.ip = ip;
    service = std::make_unique<Service>(
        runtime, Outside{*transport, engine, data, disk, disk, sensors}, options);
    EXPECT_TRUE(service->start());
  }
};

struct Zmesh {
  simkit::Process process, zrms_process;
  ports::Runtime runtime, zrms_runtime;
  std::unique_ptr<ports::Transport> transport, zrms_transport;
  std::unique_ptr<ports::HttpClient> http;
  std::unique_ptr<zmesh::Service> service;
  std::unique_ptr<rpc::ServiceBus> zrms;
  Zmesh(simkit::World& world, simkit::Network& network, simkit::HttpNetwork& web,
        const std::string& id, const std::string& ip)
      : process(world, id, "zmesh"),
        zrms_process(world, id, "zrms"),
        runtime(process.runtime()),
        zrms_runtime(zrms_process.runtime()),
        transport(network.transport(process, ip)),
        zrms_transport(network.transport(zrms_process, ip)),
        http(web.client(process)) {
    zmesh::Options options;
    options.cluster_id = "test";
    options.self.set_zhost_id(id);
    options.self.set_incarnation(1);
    options.self.set_address(ip);
    options.self.set_port(9201);
    options.control_plane = {ports::Endpoint::Kind::websocket, "127.0.0.9", 9000, "/ws"};
    service = std::make_unique<zmesh::Service>(runtime, *transport, *http, options);
    EXPECT_TRUE(service->start());
    v1::Hello hello;
    hello.set_service("zrms");
    hello.set_zhost(id);
    zrms = std::make_unique<rpc::ServiceBus>(zrms_runtime, *zrms_transport,
                                             rpc::ServiceBus::Options{"zmesh", hello});
    zrms->start();
  }
};

struct Cluster {
  Setup setup;
  simkit::World world{11};
  simkit::Network network{world};
  simkit::HttpNetwork web{world, network};
  zmesh::FakeControlPlane control_plane{world, network, web};
  TestDisk disk;
  NoSensors sensors;
  int emitted = 0;
  std::vector<simkit::SinkEntry> log;
  std::map<std::string, std::unique_ptr<Zmesh>> zmesh;
  std::map<std::string, std::unique_ptr<Zrun>> zrun;
  const std::map<std::string, std::string> ips{{"a", "127.0.0.1"}, {"b", "127.0.0.2"}};
  const std::string id = stdx::uuid_from(1, 2);
  std::map<std::string, std::pair<std::string, std::uint64_t>> where;  // space -> zhost, epoch

  explicit Cluster(Setup s = {}) : setup(s) {
    auto& topology = disk.topology;
    topology.name = "flow";
    topology.owner = "test";
    for (const char* name : {"relay", "sink", "source"}) {
      auto& space = topology.spaces.emplace_back();
      space.name = space.entry = name;
      space.limits.mailbox_messages = setup.mailbox;
    }
    topology.paths = {{"down", "relay", "sink", setup.delivery},
                      {"up", "source", "relay", setup.delivery}};
    model::normalize(topology);
    for (const auto& [zhost, ip] : ips) {
      network.add_address(ip, zhost);
      start_zmesh(zhost);
      start_zrun(zhost);
    }
    EXPECT_TRUE(world.run_until_true(
        [&] {
          return zmesh["a"]->service->peers().size() == 1 &&
                 zmesh["b"]->service->peers().size() == 1;
        },
        10s));
    world.run_for(200ms);
  }
  ~Cluster() {
    for (auto& [name, process] : zrun) process->service.reset();
  }
  void start_zmesh(const std::string& zhost) {
    zmesh[zhost] = std::make_unique<Zmesh>(world, network, web, zhost, ips.at(zhost));
  }
  void start_zrun(const std::string& zhost) {
    zrun[zhost] = std::make_unique<Zrun>(
        world, network, zhost, ips.at(zhost),
        [this](const std::string& role) -> std::unique_ptr<simkit::StubGuest> {
          if (role == "source")
            return std::make_unique<simkit::SourceGuest>("up", setup.last, setup.pause_ms, emitted);
          if (role == "relay") return std::make_unique<simkit::RelayGuest>("down");
          return std::make_unique<simkit::SinkGuest>(log, setup.busy_ms);
        },
        disk, sensors);
  }
  std::string place(const std::string& space, const std::string& zhost, std::uint64_t epoch,
                    std::uint32_t run = 1) {
    v1::PlaceCommand command;
    auto& header = *command.mutable_header();
    header.set_zhost(zhost);
    header.set_incarnation(1);
    header.set_topology_id(id);
    header.set_space(space);
    header.set_epoch(epoch);
    command.set_run(run);
    command.set_mex_sha256("archive");
    *command.mutable_topology() = wire::to_wire(disk.topology);
    const auto outcome = zrun.at(zhost)->service->place(command).outcome();
    if (outcome == "accepted") where[space] = {zhost, epoch};
    return outcome;
  }
  void tell_directory() {
    v1::DirectoryUpdate update;
    update.set_term(1);
    update.set_sequence(1);
    update.set_complete(true);
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
    }
    for (auto& [name, node] : zmesh)
      if (node)
        node->zrms->notify(rpc::address("", "zmesh"), "zmesh.directory",
                           update.SerializeAsString());
  }
  void place_all() {
    for (auto [space, zhost] : {std::pair{"source", "a"}, {"relay", "b"}, {"sink", "a"}})
      EXPECT_EQ(place(space, zhost, 1), "accepted");
    tell_directory();
  }
  std::set<int> arrived() const {
    std::set<int> numbers;
    for (const auto& entry : log) numbers.insert(entry.number);
    return numbers;
  }
  bool all_arrive(stdx::Duration bound = 30s) {
    return world.run_until_true(
        [&] { return arrived().size() == static_cast<std::size_t>(setup.last); }, bound);
  }
  // S7: a number that came before says that it may be a repeat.
  bool repeats_are_marked() const {
    std::set<int> before;
    for (const auto& entry : log)
      if (!before.insert(entry.number).second && !entry.marked) return false;
    return true;
  }
};

TEST(ZrunServiceTest, S6MessagesCrossZhostsInOrderAndOnceOverDataLinks) {
  Cluster cluster;
  cluster.place_all();
  ASSERT_TRUE(cluster.all_arrive());
  ASSERT_EQ(cluster.log.size(), 200u);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(cluster.log[static_cast<std::size_t>(i)].number, i + 1);
  EXPECT_EQ(cluster.zrun["a"]->service->data_links(), 1u);
}

TEST(ZrunServiceTest, S7WhenTheZrunOfTheRelayDiesAndIsRestartedNothingIsLostAndRepeatsAreMarked) {
  Cluster cluster;
  cluster.place_all();
  ASSERT_TRUE(cluster.world.run_until_true([&] { return cluster.log.size() >= 50; }, 10s));
  cluster.zrun["b"].reset();
  cluster.world.run_for(300ms);
  cluster.start_zrun("b");
  EXPECT_EQ(cluster.place("relay", "b", 1, /*run=*/2), "accepted");
  ASSERT_TRUE(cluster.all_arrive()) << cluster.arrived().size() << " of 200";
  EXPECT_TRUE(cluster.repeats_are_marked());
}

TEST(ZrunServiceTest, S8AtMostOnceNeverComesTwiceWhateverDies) {
  Cluster cluster({.last = 400, .pause_ms = 5, .delivery = model::Delivery::at_most_once});
  cluster.place_all();
  ASSERT_TRUE(cluster.world.run_until_true([&] { return cluster.log.size() >= 50; }, 10s));
  cluster.zrun["b"].reset();
  cluster.world.run_for(300ms);
  cluster.start_zrun("b");
  EXPECT_EQ(cluster.place("relay", "b", 1, /*run=*/2), "accepted");
  ASSERT_TRUE(cluster.world.run_until_true([&] { return cluster.arrived().contains(400); }, 30s));
  EXPECT_EQ(cluster.arrived().size(), cluster.log.size());
}

TEST(ZrunServiceTest, RAbiAFullMailboxMakesEmitWaitAndTheWaitEnds) {
  Cluster cluster({.last = 300, .pause_ms = 0, .busy_ms = 20, .mailbox = 4});
  cluster.place_all();
  ASSERT_TRUE(cluster.world.run_until_true([&] { return cluster.log.size() >= 3; }, 10s));
  // Both streams and both mailboxes are bounded: what is under way is, too.
  EXPECT_LT(cluster.emitted, 300);
  ASSERT_TRUE(cluster.all_arrive(60s)) << cluster.arrived().size();
  EXPECT_EQ(cluster.log.size(), 300u);
}

TEST(ZrunServiceTest, S1APlaceCommandOfAnOlderEpochOrRunIsRefused) {
  Cluster cluster;
  EXPECT_EQ(cluster.place("sink", "a", 3, 2), "accepted");
  EXPECT_EQ(cluster.place("sink", "a", 3, 2), "already");
  EXPECT_EQ(cluster.place("sink", "a", 3, 1), "refused");
  EXPECT_EQ(cluster.place("sink", "a", 2, 9), "refused");
  EXPECT_EQ(cluster.place("sink", "a", 4, 1), "accepted");
}

TEST(ZrunServiceTest, S1NothingOfASourceThatWasReplacedElsewhereIsTakenIn) {
  Cluster cluster({.last = 100'000, .pause_ms = 5});
  cluster.place_all();
  ASSERT_TRUE(cluster.world.run_until_true([&] { return cluster.log.size() >= 20; }, 10s));
  // The relay moves to a; the old one on b goes on, and nobody takes in what it sends.
  EXPECT_EQ(cluster.place("relay", "a", 2), "accepted");
  cluster.tell_directory();
  cluster.world.run_for(500ms);
  const auto from = cluster.log.size();
  cluster.world.run_for(1s);
  ASSERT_GT(cluster.log.size(), from);
  for (auto i = from; i < cluster.log.size(); ++i) EXPECT_EQ(cluster.log[i].sender_epoch, 2u);
}

TEST(ZrunServiceTest, AnOpenDataLinkGoesOnWhileZmeshIsAway) {
  Cluster cluster({.last = 400, .pause_ms = 5});
  cluster.place_all();
  ASSERT_TRUE(cluster.world.run_until_true([&] { return cluster.log.size() >= 50; }, 10s));
  cluster.zmesh["a"].reset();
  cluster.zmesh["b"].reset();
  ASSERT_TRUE(cluster.all_arrive()) << cluster.arrived().size();
  EXPECT_EQ(cluster.log.size(), 400u);
}

}  // namespace
}  // namespace zrun
