// SPDX-License-Identifier: Apache-2.0
#include "sim/cluster.h"

#include "stdx/text.h"
#include "wire/join_token.h"
#include "wire/json.h"

namespace sim {

using namespace std::chrono_literals;
namespace {
constexpr const char* control_plane_ip = "127.0.0.99";
const ports::Endpoint control_plane_at{ports::Endpoint::Kind::websocket, control_plane_ip, 9000,
                                       "/ws"};

}  // namespace

struct Cluster::Node {
  simkit::Process process;
  ports::Runtime runtime;
  std::unique_ptr<ports::Transport> transport;
  simkit::SimProcesses processes;
  SimKey key;
  std::unique_ptr<startz::Service> startz;

  Node(Cluster& cluster, std::size_t index, const Zhost& zhost)
      : process(
            cluster.world, zhost.id, "startz",
            [&cluster](auto&&... args) { cluster.logged(args...); }, &zhost.clock),
        runtime(process.runtime()),
        transport(cluster.network.transport(process, zhost.ip)),
        processes(process,
                  [&cluster, index](const ports::ProcessSpec& spec, std::function<void()> end) {
                    return cluster.launch(index, spec, std::move(end));
                  }),
        key(zhost.keys, process) {}
};

struct Cluster::ControlPlane {
  simkit::Process process;
  ports::Runtime runtime;
  simkit::StubIdentity identity;
  std::unique_ptr<ports::Transport> transport;
  adapters::store_memory::MemoryStore store;
  controlplane::Service service;

  explicit ControlPlane(Cluster& cluster)
      : process(
            cluster.world, "cp", "controlplane",
            [&cluster](auto&&... args) { cluster.logged(args...); }, &cluster.control_plane_clock_),
        runtime(process.runtime()),
        identity(cluster.certifier, process),
        transport(cluster.network.transport(process, control_plane_ip, &identity)),
        store(process, cluster.database),
        service(runtime, *transport, store, {cluster.certifier, identity, identity},
                {.cluster_id = "sim",
                 .listen = control_plane_at,
                 .version = "sim",
                 .authority = cluster.authority}) {
    cluster.web.serve(control_plane_ip, 9000, process, service, &identity);
    const auto started = service.start();
    if (!started) cluster.checker.violate("control plane: " + started.error().message);
  }
};

Cluster::Cluster(ClusterOptions options)
    : world(options.seed),
      checker(options.zhosts, options.zrms.detection.timeout),
      stage{checker,
            delivery,
            once,
            outside,
            stdx::Prng(options.seed * 31 + 7),
            false,
            0,
            0,
            {},
            [this](const std::string& text) {
              world.trace(text);
              if (on_message) on_message(text);
            },
            {}},
      options_(std::move(options)),
      around_{world,
              network,
              web,
              certifier,
              stage,
              options_,
              join_token,
              control_plane_at,
              [this](auto&&... args) { logged(args...); },
              [this](const std::string& what) { checker.violate(what); }},
      log_checks_({checker, delivery, once, activations, placements}, options_.zhosts,
                  [this](std::size_t zhost) {
                    return LogChecks::Starts{zhosts_[zhost].incarnation, zhosts_[zhost].zrms_runs};
                  }) {
  log_checks_.on_term_taken = [this](std::size_t zhost) {
    if (on_term_taken) on_term_taken(zhost);
  };
  network.add_address(control_plane_ip, "cp");
  zhosts_.reserve(options_.zhosts);  // processes point to clocks
  stdx::Prng rates(options_.seed * 613 + 3);
  for (std::size_t i = 0; i < options_.zhosts; ++i) {
    auto& zhost = zhosts_.emplace_back();
    zhost.clock.rate +=
        static_cast<double>(rates.between(-options_.clock_per_mille, options_.clock_per_mille)) /
        1e3;
    zhost.id = id(i);
    zhost.ip = stdx::format("127.0.0.{}", i + 1);
    network.add_address(zhosts_[i].ip, zhosts_[i].id);
  }
  world.after_event = [this] {
    std::set<std::string> holders;
    for (std::size_t i = 0; i < size(); ++i) {
      auto* c = child(i, "zrms");
      if (c != nullptr && !c->process.paused() && c->zrms->leads()) holders.insert(id(i));
    }
    checker.leaders(holders);
  };
  make_authority();
  start_control_plane();
  for (std::size_t i = 0; i < size(); ++i) start_zhost(i);
}

void Cluster::make_authority() {
  simkit::Process machine(world, "cp", "authority");
  const auto now = machine.wall();
  authority.cluster_id = "sim";
  authority.authority.key = certifier.make_key();
  authority.authority.certificate =
      *certifier.make_authority(authority.authority.key, "sim", {now - 1h, now + 24h * 365 * 20});
  const auto token = wire::make_join_token(machine, {"127.0.0.99:9000"},
                                           *certifier.key_hash(authority.authority.key));
  authority.join_addresses = {"127.0.0.99:9000"};
  authority.local_token_id = token.id;
  authority.local_token_hash = wire::secret_hash(certifier, token.secret);
  join_token = wire::to_text(token);
}

void Cluster::pass_wall_time(stdx::Duration time) {
  control_plane_clock_.wall_offset += time;
  for (auto& zhost : zhosts_) zhost.clock.wall_offset += time;
}

Cluster::~Cluster() {
  world.after_event = {};
  for (std::size_t i = 0; i < size(); ++i) zhosts_[i].node.reset();
  control_plane_.reset();
}

void Cluster::start_control_plane() {
  if (!control_plane_) control_plane_ = std::make_unique<ControlPlane>(*this);
}
bool Cluster::records_behind() const {
  return control_plane_ &&
         control_plane_->service.records() == controlplane::RecordsGuard::Phase::behind;
}
bool Cluster::records_open() const {
  return control_plane_ &&
         control_plane_->service.records() == controlplane::RecordsGuard::Phase::open;
}
std::vector<v1::RecordsKnown> Cluster::records_on_disks() const {
  std::vector<v1::RecordsKnown> list;
  for (const auto& zhost : zhosts_) list.push_back(zhost.records);
  return list;
}

void Cluster::kill_control_plane() {
  control_plane_.reset();
}

void Cluster::start_zhost(std::size_t index) {
  auto& zhost = zhosts_[index];
  if (zhost.node) return;
  ++zhost.incarnation;
  checker.present(zhost.id);
  checker.begins(zhost.id);
  checker.disturbed(zhost.id, world.now());
  zhost.node = std::make_unique<Node>(*this, index, zhost);
  startz::Options options;
  options.cluster_id = "sim";
  options.zhost = zhost.id;
  options.incarnation = zhost.incarnation;
  options.beat_interval = options_.beat_interval;
  options.spaces_max = options_.spaces_max;
  options.beats = {ports::Endpoint::tcp(zhost.ip, 9201)};
  options.records = zhost.records;
  options.revoked = zhost.revoked;
  options.keep_revoked = [&zhost](const wire::RevokedTokens& revoked) { zhost.revoked = revoked; };
  options.keep_records = [&zhost](const v1::RecordsKnown& known) { zhost.records = known; };
  for (const char* name : {"zmesh", "zrms", "zrun"})
    options.children.specs.push_back({name, {name}, {}});
  zhost.node->startz = std::make_unique<startz::Service>(
      zhost.node->runtime, *zhost.node->transport, zhost.node->processes, zhost.node->key, options);
  const auto started = zhost.node->startz->start();
  if (!started) checker.violate("startz: " + started.error().message);
}

void Cluster::kill_zhost(std::size_t zhost) {
  checker.absent(id(zhost));
  zhosts_[zhost].node.reset();
}

std::shared_ptr<void> Cluster::launch(std::size_t index, const ports::ProcessSpec& spec,
                                      std::function<void()> end) {
  std::function<void()> ended;
  if (spec.name == "zrun") ended = [this, index] { log_checks_.zrun_ended(index); };
  return std::make_shared<ChildProcess>(around_, zhosts_[index], spec.name, std::move(end),
                                        std::move(ended));
}

ChildProcess* Cluster::child(std::size_t zhost, const std::string& name) {
  if (!zhosts_[zhost].node) return nullptr;
  return static_cast<ChildProcess*>(zhosts_[zhost].node->processes.body(name).get());
}

simkit::Process* Cluster::process(std::size_t zhost, const std::string& name) {
  if (name == "startz") return zhosts_[zhost].node ? &zhosts_[zhost].node->process : nullptr;
  auto* found = child(zhost, name);
  return found == nullptr ? nullptr : &found->process;
}

bool Cluster::crash(std::size_t zhost, const std::string& name) {
  return zhosts_[zhost].node && zhosts_[zhost].node->processes.crash(name);
}
void Cluster::pause(std::size_t zhost, const std::string& name) {
  checker.disturbed(id(zhost), world.now());
  if (auto* p = process(zhost, name)) p->pause();
}
void Cluster::resume(std::size_t zhost, const std::string& name) {
  checker.disturbed(id(zhost), world.now());
  if (auto* p = process(zhost, name); p != nullptr && p->paused()) p->resume();
}

zrms::Service* Cluster::zrms_of(std::size_t zhost) {
  auto* c = child(zhost, "zrms");
  return c == nullptr ? nullptr : c->zrms.get();
}
zmesh::Service* Cluster::zmesh_of(std::size_t zhost) {
  auto* c = child(zhost, "zmesh");
  return c == nullptr ? nullptr : c->zmesh.get();
}
startz::Service* Cluster::startz_of(std::size_t zhost) {
  return zhosts_[zhost].node ? zhosts_[zhost].node->startz.get() : nullptr;
}
zrun::Service* Cluster::zrun_of(std::size_t zhost) {
  auto* c = child(zhost, "zrun");
  return c == nullptr ? nullptr : c->zrun.get();
}

int Cluster::leader() {
  for (std::size_t i = 0; i < size(); ++i)
    if (auto* zrms = zrms_of(i); zrms != nullptr && zrms->leader().ready())
      return static_cast<int>(i);
  return -1;
}

void Cluster::http(std::size_t zhost, const std::string& method, const std::string& path,
                   std::function<void(ports::HttpResponse)> done) {
  auto* zrms = zrms_of(zhost);
  if (zrms == nullptr) return done({.status = 503, .body = "no zrms", .headers = {}});
  ports::HttpRequest request;
  request.method = method;
  request.path = path;
  zrms->handle(std::move(request), std::move(done));
}

void Cluster::submit(std::size_t zhost, const v1::TopologySpec& spec,
                     std::function<void(ports::HttpResponse)> done, const std::string& update) {
  auto* zrms = zrms_of(zhost);
  if (zrms == nullptr) return done({.status = 503, .body = "no zrms", .headers = {}});
  ports::HttpRequest request;
  request.method = "POST";
  request.path = "/v1/topologies";
  if (!update.empty()) request.query["update"] = update;
  request.body = spec.SerializeAsString();
  zrms->handle(std::move(request), std::move(done));
}

std::string Cluster::note_accepted(const ports::HttpResponse& response,
                                   const v1::TopologySpec& spec) {
  constexpr std::string_view mark = "\"topology_id\":\"";
  const auto at = response.body.find(mark);
  if (at == std::string::npos) return {};
  const auto id = response.body.substr(at + mark.size(), 36);
  std::vector<std::string> spaces;
  for (const auto& space : spec.spaces()) spaces.push_back(space.name());
  activations.accepted(id, std::move(spaces));
  return id;
}

void Cluster::read_placements(std::size_t zhost) {
  const auto read = placements.begin();
  http(zhost, "GET", "/v1/topologies", [this, read](ports::HttpResponse response) {
    v1::TopologyList list;
    if (response.status != 200 || !wire::from_json(response.body, list))
      return placements.failed(read);
    std::vector<PlacementSeen> seen;
    for (const auto& topology : list.topologies())
      for (const auto& p : topology.placements())
        seen.push_back({topology.id(), p.space(), p.zhost(), p.epoch()});
    placements.answered(read, seen);
  });
}

void Cluster::send(std::size_t zhost, const std::string& topology, const std::string& from,
                   const std::string& path, const std::string& payload,
                   std::function<void(ports::HttpResponse)> done) {
  auto* c = child(zhost, "zmesh");
  if (c == nullptr) return done({.status = 503, .body = "no zmesh", .headers = {}});
  v1::SendRequest message;
  message.set_topology(topology);
  message.set_from(from);
  message.set_path(path);
  message.set_payload(payload);
  ports::HttpRequest request;
  request.method = "POST";
  request.path = "/v1/spaces/send";
  request.body = wire::to_json(message);
  c->zmesh_http->handle(std::move(request), std::move(done));
}

void Cluster::ask_outside(std::size_t zhost, const std::string& topology, const std::string& space,
                          const std::string& message,
                          std::function<void(ports::HttpResponse)> done) {
  auto* c = child(zhost, "zmesh");
  if (c == nullptr) return done({.status = 503, .body = "no zmesh", .headers = {}});
  ports::HttpRequest request;
  request.method = "POST";
  request.path = "/v1/spaces/send";
  request.query = {{"to", topology + "/" + space}, {"wait", "1"}, {"timeout_ms", "5000"}};
  request.headers["idempotency-key"] = message;
  request.body = message;
  c->zmesh_http->handle(std::move(request), std::move(done));
}

double Cluster::metric(std::size_t zhost, const std::string& name, const std::string& metric) {
  auto* c = child(zhost, name);
  double sum = 0;
  if (c == nullptr) return sum;
  for (const auto& family : c->process.metrics().collect())
    if (family.name == metric)
      for (const auto& sample : family.samples) sum += sample.value;
  return sum;
}

std::vector<std::string> Cluster::instances(const std::string& space) {
  std::vector<std::string> list;
  for (std::size_t i = 0; i < size(); ++i)
    if (auto* zrun = zrun_of(i))
      for (const auto* there : zrun->spaces().list())
        if (there->id().key.space == space && there->state() == zrun::SpaceState::running)
          list.push_back(stdx::format("{}/{}", id(i), there->id().epoch.value));
  return list;
}

bool Cluster::runs_another_version(const std::string& topology, const model::Space& spec) {
  for (std::size_t i = 0; i < size(); ++i) {
    const auto* zrun = zrun_of(i);
    const auto* space = zrun == nullptr ? nullptr : zrun->spaces().space(topology, spec.name);
    if (space != nullptr && space->state() == zrun::SpaceState::running &&
        (space->spec().definition != spec.definition ||
         space->spec().restarts_asked != spec.restarts_asked))
      return true;
  }
  return false;
}

bool Cluster::settled(std::string* why) {
  const auto say = [&](std::string what) {
    if (why != nullptr) *why = std::move(what);
    return false;
  };
  const int at = leader();
  if (at < 0) return say("nobody leads");
  const auto& records = zrms_of(static_cast<std::size_t>(at))->leader().records();
  for (const auto& [id, row] : records.topologies()) {
    if (row.record.desired() == v1::DESIRED_RUNNING && row.record.state() != "running")
      return say(stdx::format("topology {} is {}: {}", row.spec().name, row.record.state(),
                              row.record.reason()));
    if (row.record.desired() == v1::DESIRED_RUNNING && zrms::update_goes_on(row.record))
      return say(stdx::format("the update of topology {} to version {} is not over",
                              row.spec().name, row.record.update().to()));
    for (const auto& spec : row.spec().spaces) {
      const bool wanted = row.record.desired() == v1::DESIRED_RUNNING && !spec.removed;
      if (wanted && runs_another_version(id, spec))
        return say(
            stdx::format("P16: space {} runs another version than its topology is of", spec.name));
      const auto live = instances(spec.name);
      if (live.size() != (wanted ? 1 : 0))
        return say(stdx::format("space {} has {} running instances", spec.name, live.size()));
    }
  }
  return true;
}

std::vector<Way> Cluster::ways() {
  std::vector<Way> list;
  const int at = leader();
  if (at < 0) return list;
  const auto& records = zrms_of(static_cast<std::size_t>(at))->leader().records();
  for (const auto& [id, row] : records.topologies())
    if (row.record.desired() == v1::DESIRED_RUNNING)
      for (const auto& path : row.spec().paths)
        if (!path.removed)
          list.push_back(
              {id, path.name, path.from, path.to, path.delivery == model::Delivery::once});
  return list;
}

// --- log ---

void Cluster::logged(const simkit::Process& process, ports::Level level, std::string_view event,
                     ports::Fields fields) {
  auto line = line_of(world.now(), process, event, fields);
  log_checks_.check(line);
  if (level == ports::Level::debug) return;
  if (on_log) on_log(line);
  log.push_back(std::move(line));
}

}  // namespace sim
