// SPDX-License-Identifier: Apache-2.0
// engine_bench [--spaces N] [--hops H] [--trace RATIO] [--json FILE]: what a space and a message
// cost in one shard, with that part of the messages traced and their spans written for a collector,
// with the product's own Space, Scheduler, Courier and engine. Spawn: from Space::start to on_init
// done. Hop: net.emit_to to net.recv_next along a declared path, path check, stream, mailbox and
// limits on.
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "adapters/loop/loop.h"
#include "adapters/posix/random.h"
#include "adapters/wasmtime/engine.h"
#include "stdx/encoding.h"
#include "stdx/text.h"
#include "zrun/abi/functions.h"
#include "zrun/courier.h"
#include "zrun/space.h"
#include "zrun/trace_exporter.h"

namespace {

using Steady = std::chrono::steady_clock;

struct Quiet final : ports::Log {
  void write(ports::Level, std::string_view, ports::Fields) override {}
};
struct NoSensors final : ports::Sensors {
  std::vector<std::string> types() const override { return {}; }
  stdx::Result<std::unique_ptr<ports::Sensor>> open(const std::string&,
                                                    std::function<void(stdx::Bytes)>) override {
    return stdx::fail(stdx::Code::not_found, "none");
  }
};

// A collector that takes everything, without a network.
struct TakesAll final : ports::HttpClient {
  explicit TakesAll(ports::Executor& e) : executor(e) {}
  ports::Executor& executor;
  void request(const ports::Endpoint&, ports::HttpRequest, stdx::Duration,
               std::function<void(stdx::Result<ports::HttpResponse>)> done) override {
    executor.post([done = std::move(done)] { done(ports::HttpResponse{}); });
  }
};

struct Bench final : zrun::SpaceOwner {
  adapters::loop::Loop loop;
  adapters::posix::KernelRandom random;
  Quiet log;
  ports::Metrics metrics;
  ports::Runtime runtime{loop, loop, random, log, metrics};
  NoSensors sensors;
  zrun::OutsideCalls outside{runtime.metrics};
  zrun::MessagePool pool;
  zrun::Scheduler scheduler{runtime};
  zrun::Courier courier{runtime, scheduler, pool, "here",
                        [](const std::string&, stdx::Bytes) { return false; }};
  adapters::wasmtime::WasmtimeEngine engine{loop};
  TakesAll collector{loop};
  std::unique_ptr<zrun::Tracer> tracer;
  std::unique_ptr<zrun::TraceExporter> exporter;
  std::shared_ptr<ports::Module> module;
  std::vector<std::unique_ptr<zrun::LocalTopology>> topologies;
  std::vector<std::unique_ptr<zrun::Space>> spaces;
  std::uint64_t hops = 0, stop_at = ~0ull;
  const zrun::Space* awaited = nullptr;

  ~Bench() override { spaces.clear(); }

  void emit(zrun::Space& sender, zrun::PathState& path, stdx::BytesView payload) override {
    if (++hops >= stop_at) loop.stop();
    courier.emit(sender, path, payload);
  }
  void record_dead_letter(zrun::Space&, zrun::DeadLetter) override {}
  void retried(zrun::Space&, std::uint64_t, const std::string&) override {}
  void letters_loaded(zrun::Space&, std::vector<zrun::DeadLetter>) override {}
  void send(zrun::Space& sender, zrun::PathState& path, zrun::MessagePtr message) override {
    courier.send(sender, path, std::move(message));
  }
  void given_up(zrun::Space&, std::uint16_t, const zrun::Message&, const char*) override {}
  void ledger_loaded(zrun::Space&) override {}
  void finished(zrun::Space& receiver, const zrun::Message& message) override {
    auto& topology = receiver.topology();
    courier.finished(topology, *topology.paths[message.path], message);
  }
  void feed(zrun::Space& receiver) override { courier.feed(receiver); }
  void state_changed(zrun::Space& space) override {
    if (&space == awaited && space.state() == zrun::SpaceState::running) loop.stop();
  }

  void trace(double ratio) {
    tracer = std::make_unique<zrun::Tracer>(runtime, ratio);
    exporter = std::make_unique<zrun::TraceExporter>(
        runtime, collector, *tracer, zrun::TraceExporter::Endpoint{{}, "/v1/traces"},
        zrun::SpanOrigin{"bench", "here", "1"});
  }

  void run() {
    loop.run();
    loop.restart();
  }

  // Two spaces that pass a message to and fro.
  zrun::LocalTopology& pair(std::uint64_t n) {
    model::Topology spec;
    spec.name = "pair";
    for (auto name : {"a", "b"}) {
      model::Space space;
      space.name = name;
      space.limits.memory_bytes = 1u << 20;
      spec.spaces.push_back(space);
    }
    spec.paths = {{"ab", "a", "b"}, {"ba", "b", "a"}};
    // The relay emits along "out"; both paths carry that name from their own side.
    spec.paths[0].name = spec.paths[1].name = "out";
    topologies.push_back(
        *zrun::LocalTopology::make(model::TopologyId(stdx::uuid_from(n, n)), std::move(spec)));
    return *topologies.back();
  }
};

double micros(Steady::duration d) {
  return std::chrono::duration<double, std::micro>(d).count();
}

// VmRSS and VmPTE in KiB.
std::pair<double, double> memory() {
  std::ifstream status("/proc/self/status");
  std::string line;
  double rss = 0, pte = 0;
  while (std::getline(status, line)) {
    std::istringstream fields(line);
    std::string name;
    double value = 0;
    fields >> name >> value;
    if (name == "VmRSS:") rss = value;
    if (name == "VmPTE:") pte = value;
  }
  return {rss, pte};
}

double percentile(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(p / 100 * values.size()))];
}

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line))
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "?";
}

// Each space of the pairs, from nothing to its first call; microseconds.
std::vector<double> spawn_all(Bench& bench, std::size_t n) {
  std::vector<double> spawn;
  spawn.reserve(n);
  for (std::size_t i = 0; i < n; ++i) {
    auto& topology = *bench.topologies[i / 2];
    const auto index = static_cast<std::uint16_t>(i % 2);
    auto& slot = topology.slots[index];
    bench.spaces.push_back(std::make_unique<zrun::Space>(
        zrun::SpaceParts{bench.runtime, bench.scheduler, bench.pool, bench, bench.sensors,
                         bench.outside, nullptr, bench.tracer.get()},
        topology, index,
        model::InstanceId{
            {topology.id, topology.spec().spaces[index].name}, model::Epoch(1), model::Run(1)}));
    auto& space = *bench.spaces.back();
    slot = {.zhost = "here", .epoch = 1, .told = 1, .local = &space, .life = {1, 1}};
    bench.courier.space_arrived(topology, index, /*with_mailbox=*/false);
    bench.awaited = &space;
    const auto from = Steady::now();
    space.start(bench.module, nullptr);
    bench.run();
    spawn.push_back(micros(Steady::now() - from));
  }
  return spawn;
}

// How many spans a traced run made.
void report_trace(Bench& bench, double ratio, nlohmann::ordered_json& report) {
  const auto spans = [&](const char* what) {
    return bench.metrics.counter(stdx::format("samoza_zrun_spans_{}_total", what), "").value();
  };
  report["trace"] = {
      {"ratio", ratio}, {"exported", spans("exported")}, {"dropped", spans("dropped")}};
  std::printf("  traced: ratio %g, %llu spans exported, %llu dropped\n", ratio,
              static_cast<unsigned long long>(spans("exported")),
              static_cast<unsigned long long>(spans("dropped")));
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t n = 10'000;
  std::uint64_t hops = 5'000'000;
  std::string out;
  double traced = -1;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i];
    if (option == "--spaces") n = std::strtoull(argv[i + 1], nullptr, 10) / 2 * 2;
    if (option == "--hops") hops = std::strtoull(argv[i + 1], nullptr, 10);
    if (option == "--trace") traced = std::strtod(argv[i + 1], nullptr);
    if (option == "--json") out = argv[i + 1];
  }
  std::ifstream file(std::string(SAMOZA_GUESTS_DIR) + "/relay.wasm", std::ios::binary);
  const stdx::Bytes guest{std::istreambuf_iterator<char>(file), {}};
  Bench bench;
  if (traced >= 0) bench.trace(traced);
  auto compiled = bench.engine.compile_now(guest, zrun::abi::granted({"sys.log"}));
  if (!compiled) {
    std::fprintf(stderr, "engine_bench: %s\n", compiled.error().message.c_str());
    return 1;
  }
  bench.module = *compiled;
  for (std::size_t i = 0; i < n / 2; ++i) bench.pair(i + 1);

  const auto [rss0, pte0] = memory();
  auto spawn = spawn_all(bench, n);
  // Everyone goes on to net.recv_next and parks.
  bench.loop.after(std::chrono::milliseconds(300), [&] { bench.loop.stop(); });
  bench.run();
  const auto [rss1, pte1] = memory();
  const double per_space = (rss1 - rss0 + pte1 - pte0) / static_cast<double>(n);

  const std::string payload(128, 'x');
  for (std::size_t i = 0; i < 64 && i < bench.topologies.size(); ++i) {
    auto& topology = *bench.topologies[i];
    bench.courier.emit(*topology.slots[0].local, *topology.paths[0], payload);
  }
  bench.stop_at = 200'000;  // warm
  bench.run();
  bench.hops = 0;
  bench.stop_at = hops;
  const auto from = Steady::now();
  bench.run();
  const double per_hop = micros(Steady::now() - from) / static_cast<double>(bench.hops);

  utsname system{};
  uname(&system);
  nlohmann::ordered_json report;
  report["machine"] = {
      {"cpu", cpu_model()}, {"cores", sysconf(_SC_NPROCESSORS_ONLN)}, {"kernel", system.release}};
  report["conditions"] = stdx::format("one shard, {} spaces, 64 pairs, 128-byte messages", n);
  report["spawn_us"] = {
      {"p50", percentile(spawn, 50)}, {"p99", percentile(spawn, 99)}, {"asked_p50", 20}};
  report["hop_us"] = {{"mean", per_hop}, {"hops", bench.hops}, {"asked", 0.6}};
  if (traced >= 0) report_trace(bench, traced, report);
  report["parked_kib"] = {{"value", per_space}, {"asked", 20}};
  std::printf("%s, %ld cores, Linux %s; %s\n", cpu_model().c_str(), sysconf(_SC_NPROCESSORS_ONLN),
              system.release, report["conditions"].get<std::string>().c_str());
  std::printf("  spawn, p50 / p99        %8.2f / %.2f us   asked 20 us p50\n",
              percentile(spawn, 50), percentile(spawn, 99));
  std::printf("  hop in one shard        %8.3f us           asked 0.6 us\n", per_hop);
  std::printf("  parked space, RSS + PTE %8.2f KiB          asked 20 KiB\n", per_space);
  if (!out.empty()) std::ofstream(out) << report.dump(1) << "\n";
  std::fflush(stdout);
  _exit(0);  // ten thousand instances need no tidy end
}
