// SPDX-License-Identifier: Apache-2.0
#include "zrun/service.h"

#include "samoza/v1/tokens.pb.h"
#include "stdx/encoding.h"
#include "stdx/text.h"
#include "wire/frame.h"
#include "wire/topology_codec.h"

namespace zrun {
namespace {

using namespace std::chrono_literals;
using stdx::Code;

constexpr stdx::Duration recent_for = 5s;

v1::Hello hello_of(const Options& options) {
  v1::Hello hello;
  hello.set_service("zrun");
  hello.set_zhost(options.zhost);
  hello.set_incarnation(options.incarnation);
  hello.set_pid(options.pid);
  hello.set_version(options.version);
  return hello;
}

v1::PeerHello data_hello_of(const Options& options) {
  v1::PeerHello hello;
  hello.set_cluster_id(options.cluster_id);
  hello.set_zhost(options.zhost);
  hello.set_incarnation(options.incarnation);
  hello.set_version(options.version);
  return hello;
}

v1::CommandReply reply(std::string outcome, std::string reason = "") {
  v1::CommandReply out;
  out.set_outcome(std::move(outcome));
  out.set_reason(std::move(reason));
  return out;
}

}  // namespace

Service::Service(ports::Runtime& runtime, Outside outside, Options options)
    : runtime_(runtime),
      outside_(outside),
      options_(std::move(options)),
      startz_(runtime, outside.transport, {"startz", hello_of(options_)}),
      zmesh_(runtime, outside.transport, {"zmesh", hello_of(options_)}),
      scheduler_(runtime, options_.scheduler),
      links_(runtime, outside.transport, outside.key, data_hello_of(options_)),
      courier_(runtime, scheduler_, pool_, options_.zhost,
               [this](const std::string& zhost, stdx::Bytes frame) {
                 return send_frame(zhost, std::move(frame));
               }),
      loader_(outside.engine, outside.blobs, outside.packages,
              [this](const std::string& sha256, const std::vector<std::string>& holders,
                     std::function<void(stdx::Status)> done) {
                v1::BlobFetchRequest request;
                request.set_sha256(sha256);
                for (const auto& holder : holders) request.add_holders(holder);
                zmesh_.request(rpc::address("", "zrms"), "zrms.blob_fetch",
                               request.SerializeAsString(), 60s,
                               [done = std::move(done)](stdx::Result<stdx::Bytes> answer) {
                                 if (answer)
                                   done({});
                                 else
                                   done(std::unexpected(answer.error()));
                               });
              }),
      remote_pages_(runtime, zmesh_.exchange(),
                    [this](const std::string& topology, const std::string& space) {
                      return pages(topology, space);
                    }),
      dead_letters_(runtime.metrics),
      outside_calls_(runtime.metrics),
      callers_timer_(runtime.executor),
      tick_timer_(runtime.executor),
      close_timer_(runtime.executor),
      recent_timer_(runtime.executor),
      running_gauge_(runtime.metrics.gauge("samoza_zrun_spaces_running", "Spaces running here")),
      outbox_gauge_(runtime.metrics.gauge("samoza_zrun_outbox_messages",
                                          "Messages in the outboxes of transactional spaces")) {
  dead_letters_.on_dropped = [this](const DeadLetter& letter) {
    if (auto* receiver = receiver_of(letter); letter.stored && receiver != nullptr)
      receiver->forget_letter(letter.id);
  };
  if (options_.traces && outside_.http != nullptr) {
    tracer_ = std::make_unique<Tracer>(runtime, options_.trace_ratio);
    exporter_ = std::make_unique<TraceExporter>(
        runtime, *outside_.http, *tracer_, *options_.traces,
        SpanOrigin{options_.cluster_id, options_.zhost, options_.version});
  }
  wire_handlers();
}

Service::~Service() {
  // Spaces hold messages and call their owner: first of all.
  placed_.clear();
}

stdx::Status Service::start() {
  TRY(links_.listen(ports::Endpoint::data(options_.ip, options_.peer_port)));
  startz_.start();
  zmesh_.start();
  tick();
  return {};
}

void Service::wire_handlers() {
  const auto place_handler = rpc::typed<v1::PlaceCommand, v1::CommandReply>(
      [this](const rpc::Caller&, v1::PlaceCommand command, auto done) { done(place(command)); });
  const auto stop_handler = rpc::typed<v1::StopCommand, v1::CommandReply>(
      [this](const rpc::Caller&, v1::StopCommand command, auto done) { done(stop(command)); });
  startz_.on("zrun.place", place_handler);
  startz_.on("zrun.place_many", rpc::typed<v1::PlaceBatch, v1::PlaceBatchReply>(
                                    [this](const rpc::Caller&, v1::PlaceBatch batch, auto done) {
                                      done(place_many(batch));
                                    }));
  startz_.on("zrun.stop", stop_handler);
  zmesh_.on("zmesh.revoked",
            rpc::event<v1::RevokedTokens>([this](const rpc::Caller&, v1::RevokedTokens revoked) {
              if (on_revoked) on_revoked({revoked.tokens().begin(), revoked.tokens().end()});
            }));
  startz_.on("service.ping", [](const rpc::Caller&, stdx::BytesView, rpc::Response respond) {
    respond(stdx::Bytes());
  });
  startz_.on("service.stop", [this](const rpc::Caller&, stdx::BytesView, rpc::Response respond) {
    v1::StopReply reply;
    reply.set_wait_ms(static_cast<std::uint64_t>(stdx::to_ms(close_all())));
    respond(reply.SerializeAsString());
  });
  startz_.on_state = [this](bool connected) {
    // A startz that lost our words hears the states again.
    if (!connected) return;
    for (const auto& [key, placed] : placed_) state_changed(*placed.space);
  };
  zmesh_.on("zrun.peers", [this](const rpc::Caller&, stdx::BytesView body, rpc::Response respond) {
    auto page = wire::parse<v1::PeersUpdate>(body);
    if (!page) return respond(std::unexpected(page.error()));
    peers_page(std::move(*page));
    respond(stdx::Bytes());
  });
  zmesh_.on("zrun.emit", rpc::typed<v1::SendRequest, v1::SendReply>(
                             [this](const rpc::Caller&, v1::SendRequest request, auto done) {
                               emit_for(request, [done](stdx::Status sent) {
                                 if (!sent) return done(std::unexpected(sent.error()));
                                 v1::SendReply out;
                                 out.set_outcome("accepted");
                                 done(std::move(out));
                               });
                             }));
  zmesh_.on("zrun.ask", rpc::typed<v1::SendRequest, v1::SendReply>(
                            [this](const rpc::Caller&, v1::SendRequest request, auto done) {
                              ask(request, std::move(done));
                            }));
  zmesh_.on("zrun.space", rpc::typed<v1::SpaceDetailRequest, v1::SpaceDetail>(
                              [this](const rpc::Caller&, v1::SpaceDetailRequest request,
                                     auto done) { detail(request, std::move(done)); }));
  zmesh_.on_data = [this](stdx::Bytes frame) { frame_arrived("", frame); };
  zmesh_.on_writable = [this] { courier_.room_again(); };
  links_.on_room = [this] { courier_.room_again(); };
  links_.on_frame = [this](const std::string& zhost, stdx::Bytes frame) {
    frame_arrived(zhost, frame);
  };
  links_.on_way_changed = [this](const std::string& zhost) { way_changed(zhost); };
  scheduler_.after_round = [this] { courier_.flush(); };
}

// --- placing ---

stdx::Result<LocalTopology*> Service::topology_of(const v1::PlaceCommand& command,
                                                  const ReadSpec& spec) {
  const auto& id = command.header().topology_id();
  const auto known = topologies_.find(id);
  if (known != topologies_.end() && command.topology_version() <= known->second->spec().version)
    return known->second.get();
  TRY_ASSIGN(auto read, spec());
  if (known == topologies_.end()) {
    TRY_ASSIGN(auto made, LocalTopology::make(model::TopologyId(id), std::move(read)));
    by_bytes_[made->id_bytes] = made.get();
    topologies_[id] = std::move(made);
  } else {
    TRY(known->second->update(std::move(read)));
  }
  auto* topology = topologies_.at(id).get();
  // What was told before there was a topology, or that space of it, to tell it to.
  if (const auto told = peers_.find(id); told != peers_.end())
    for (const auto& [space, entry] : told->second) peer_told(*topology, entry);
  return topology;
}

v1::CommandReply Service::place(const v1::PlaceCommand& command) {
  return place(command, [&] { return wire::from_wire(command.topology()); });
}

// The text of a topology that is here already is not read again, however many spaces it has.
v1::PlaceBatchReply Service::place_many(const v1::PlaceBatch& batch) {
  v1::PlaceBatchReply replies;
  const auto spec = [&]() -> stdx::Result<model::Topology> {
    TRY_ASSIGN(const auto wire, wire::parse<v1::TopologySpec>(batch.topology()));
    return wire::from_wire(wire);
  };
  for (const auto& command : batch.commands()) *replies.add_replies() = place(command, spec);
  return replies;
}

v1::CommandReply Service::place(const v1::PlaceCommand& command, const ReadSpec& spec) {
  const auto& header = command.header();
  if (closing_) return reply("refused", "zrun is stopping");
  if (!stdx::is_uuid(header.topology_id())) return reply("refused", "no topology id");
  const Key key{header.topology_id(), header.space()};
  const auto at = placed_.find(key);
  if (at != placed_.end()) {
    const auto& id = at->second.space->id();
    const model::InstanceId asked{id.key, model::Epoch(header.epoch()), model::Run(command.run())};
    if (asked <= id) return reply(asked == id ? "already" : "refused", "a newer instance is here");
  }
  const auto found = topology_of(command, spec);
  if (!found) return reply("refused", found.error().message);
  auto& topology = **found;
  const auto text = topology.text_of(command.topology_version(), spec);
  if (!text || topology.index_in(**text, header.space()) < 0) {
    forget_topology_if_empty(header.topology_id());
    return reply("refused", text ? "the topology has no such space" : text.error().message);
  }
  if (at != placed_.end()) {
    auto& placed = at->second;
    const auto replaces = command.replaces();
    // Also the one that is to begin when the one before it has closed.
    const bool goes_on =
        replaces != 0 && (replaces == placed.space->id().epoch.value ||
                          (placed.next && replaces == placed.next->header().epoch()));
    if (goes_on && !placed.space->is_over()) return replace(placed, *text, command);
    placed.next.reset();
    retire(key);
    // It may have been the last one here.
    const auto again = topology_of(command, spec);
    if (!again) return reply("refused", again.error().message);
    return place_here(**again, *text, command);
  }
  if (placed_.size() >= options_.spaces_max)
    return reply("refused", stdx::format("zrun holds {} spaces, its limit", placed_.size()));
  return place_here(topology, *text, command);
}

namespace {

// Of no other life of the same space, and of no outbox (random, and so hardly ever with this bit).
std::uint64_t name_of_numbering(std::uint64_t epoch, std::uint32_t run) {
  return (1ull << 63) | (epoch << 24) | run;
}

}  // namespace

v1::CommandReply Service::place_here(LocalTopology& topology,
                                     std::shared_ptr<const model::Topology> text,
                                     const v1::PlaceCommand& command,
                                     std::vector<MessagePtr> carried) {
  const auto& header = command.header();
  const Key key{header.topology_id(), header.space()};
  const auto index = static_cast<std::uint16_t>(topology.index_in(*text, header.space()));
  const auto version = text->version;
  model::InstanceId id{
      {topology.id, header.space()}, model::Epoch(header.epoch()), model::Run(command.run())};
  auto& placed = placed_[key];
  placed.space = std::make_unique<Space>(
      SpaceParts{runtime_, scheduler_, pool_, *this, outside_.sensors, outside_calls_,
                 outside_.logs, tracer_.get()},
      topology, index, id, SpacePast{command.restarts(), command.last_failure()}, std::move(text));
  for (const auto& sender : command.senders()) {
    const int from = topology.index_of(sender.space());
    if (from < 0) continue;
    auto& known = topology.slots[static_cast<std::size_t>(from)].known;
    known = std::max(known, sender.epoch());
  }
  placed.data_expected = command.data_expected();
  auto& slot = topology.slots[index];
  slot.local = placed.space.get();
  slot.life = {header.epoch(), command.run()};
  if (slot.epoch <= header.epoch()) {
    slot.epoch = header.epoch();
    slot.zhost = options_.zhost;
  }
  runtime_.log.info("space_placed_here", {{"topology", key.first},
                                          {"space", key.second},
                                          {"epoch", header.epoch()},
                                          {"run", command.run()},
                                          {"version", version}});
  for (auto* path : topology.paths_of[index])
    if (path->from == index && path->out.name() == 0)
      path->out.begin(name_of_numbering(header.epoch(), command.run()));
  for (auto& message : carried) placed.space->deliver(std::move(message));
  courier_.space_arrived(topology, index);
  state_changed(*placed.space);
  load(key, command);
  return reply("accepted");
}

stdx::Error Service::of_data(const model::InstanceId& id, const stdx::Error& error) const {
  if (error.code != Code::not_found) return error;
  runtime_.log.error("data_gone", {{"topology", id.key.topology.value},
                                   {"space", id.key.space},
                                   {"epoch", id.epoch.value},
                                   {"why", error.message}});
  return {error.code,
          stdx::format("data of space {} is gone from zhost {}: {}; bring it back, or delete the "
                       "topology and submit it again to begin empty",
                       id.key.space, options_.zhost, error.message)};
}

Service::Placed* Service::still(const Key& key, const model::InstanceId& id) {
  const auto at = placed_.find(key);
  if (at == placed_.end() || at->second.space->id() != id ||
      at->second.space->state() != SpaceState::starting)
    return nullptr;
  return &at->second;
}

void Service::fail_placed(const Key& key, const model::InstanceId& id, const stdx::Error& why) {
  if (auto* placed = still(key, id)) placed->space->fail_for_good(why.message);
}

void Service::load(const Key& key, const v1::PlaceCommand& command) {
  const auto& space = *placed_.at(key).space;
  const std::string sha256 =
      space.spec().mex_sha256.empty() ? command.mex_sha256() : space.spec().mex_sha256;
  loader_.package(sha256, {command.blob_holders().begin(), command.blob_holders().end()},
                  [this, key, sha256, id = space.id(), alive = std::weak_ptr<bool>(alive_)](
                      stdx::Result<std::shared_ptr<const ports::Package>> package) {
                    if (!alive.expired()) package_ready(key, id, sha256, std::move(package));
                  });
}

void Service::package_ready(const Key& key, model::InstanceId id, const std::string& sha256,
                            stdx::Result<std::shared_ptr<const ports::Package>> package) {
  auto* placed = still(key, id);
  if (placed == nullptr) return;
  if (!package) return fail_placed(key, id, package.error());
  if (recent_package_ != *package) recent_package_ = *package;
  recent_timer_.set(recent_for, [this] { recent_package_.reset(); });
  if (placed->space->is_ui()) return serve_pages(*placed, std::move(*package));
  loader_.module(sha256, *package, placed->space->spec(),
                 [this, key, id, alive = std::weak_ptr<bool>(alive_)](
                     stdx::Result<std::shared_ptr<ports::Module>> module) {
                   if (alive.expired() || still(key, id) == nullptr) return;
                   if (!module) return fail_placed(key, id, module.error());
                   open_data(key, id, std::move(*module));
                 });
}

void Service::open_data(const Key& key, model::InstanceId id,
                        std::shared_ptr<ports::Module> module) {
  auto* placed = still(key, id);
  if (placed->space->spec().store == model::StoreKind::none)
    return placed->space->start(std::move(module), nullptr);
  using Expect = ports::DataStore::Expect;
  outside_.data.open(
      id, placed->data_expected ? Expect::there : Expect::nothing,
      placed->space->spec().limits.data_bytes,
      [this, key, id, module = std::move(module), alive = std::weak_ptr<bool>(alive_)](
          stdx::Result<std::shared_ptr<ports::SpaceData>> data) mutable {
        if (!alive.expired()) data_opened(key, id, std::move(module), std::move(data));
      });
}

void Service::data_opened(const Key& key, const model::InstanceId& id,
                          std::shared_ptr<ports::Module> module,
                          stdx::Result<std::shared_ptr<ports::SpaceData>> data) {
  auto* placed = still(key, id);
  if (placed == nullptr) return;
  if (data) {
    placed->open_again.reset();
    placed->space->note_store({});
    return placed->space->start(std::move(module), std::move(*data));
  }
  const auto code = data.error().code;
  if (code != Code::unavailable && code != Code::unknown && code != Code::full)
    return fail_placed(key, id, of_data(id, data.error()));
  // The disk or the process has no room for it now: nothing that another zhost or an operator's
  // start would change for the better, so it waits here.
  placed->space->wait_for_store(data.error());
  if (!placed->open_again) placed->open_again = std::make_unique<ports::Timer>(runtime_.executor);
  placed->open_again->set(data_open_again, [this, key, id, module = std::move(module)]() mutable {
    if (still(key, id) != nullptr) open_data(key, id, std::move(module));
  });
}

void Service::serve_pages(Placed& placed, std::shared_ptr<const ports::Package> package) {
  auto* space = placed.space.get();
  placed.pages = std::make_unique<UiPages>(
      runtime_, std::move(package), space->spec(),
      [space](const std::string& path_name, const std::string& payload) -> stdx::Status {
        auto* path = space->out_path(path_name);
        if (path == nullptr)
          return stdx::fail(Code::denied,
                            stdx::format("no path '{}' from space '{}'",
                                         stdx::printable(path_name, 80), space->spec().name));
        if (payload.size() > wire::message_bytes_max ||
            space->room_on(*path, payload.size()) != Space::Room::there)
          return stdx::fail(Code::full, stdx::format("path '{}' is full", path_name));
        space->emit(*path, payload);
        return {};
      });
  space->serve([pages = placed.pages.get(), space](const Message& message) {
    const auto& path = space->topology().spec().paths[message.path];
    pages->show(space->in_name(message.path), path.from, message.seq, message.payload);
  });
}

// --- stopping ---

v1::CommandReply Service::stop(const v1::StopCommand& command) {
  const auto& header = command.header();
  if (!stdx::is_uuid(header.topology_id()) || !model::is_name(header.space()))
    return reply("refused", "a stop names topology_id and space");
  const Key key{header.topology_id(), header.space()};
  const auto at = placed_.find(key);
  if (at == placed_.end()) {
    if (command.remove_data()) remove_stored({model::TopologyId(key.first), key.second});
    return reply("already");
  }
  if (at->second.space->id().epoch.value > header.epoch())
    return reply("refused", "a newer instance is here");
  at->second.remove_data |= command.remove_data();
  at->second.topology_ends |= command.topology_ends();
  if (at->second.next && at->second.next->header().epoch() <= header.epoch())
    at->second.next.reset();
  auto& space = *at->second.space;
  if (!space.is_over())
    space.stop(command.why().empty() ? "stopped by command" : command.why());
  else
    retire_later(key, space.id());
  return reply("accepted");
}

void Service::state_changed(Space& space) {
  v1::SpaceReport report;
  report.set_topology_id(space.id().key.topology.value);
  report.set_space(space.id().key.space);
  report.set_epoch(space.id().epoch.value);
  report.set_run(space.id().run.value);
  report.set_state(to_string(space.state()));
  report.set_detail(space.detail());
  report.set_restarts(static_cast<std::uint32_t>(space.restarts()));
  report.set_last_failure(space.own_last_failure());
  startz_.notify(rpc::address("", "startz"), "zrun.space_state", report.SerializeAsString());
  runtime_.log.info("space_state", {{"topology", report.topology_id()},
                                    {"space", report.space()},
                                    {"epoch", report.epoch()},
                                    {"run", report.run()},
                                    {"state", report.state()},
                                    {"detail", report.detail()}});
  const Key key{report.topology_id(), report.space()};
  if (const auto at = placed_.find(key); at != placed_.end() && at->second.space.get() == &space)
    count_running(at->second, !space.is_ui() && space.state() == SpaceState::running);
  if (space.state() == SpaceState::failed)
    fail_callers(key,
                 {Code::unknown, stdx::format("space '{}' failed before it had handled the "
                                              "message to its end: {}",
                                              key.second, space.detail())},
                 /*forget=*/false);
  if (space.state() != SpaceState::stopped) return;
  retire_later(key, space.id());
}

// Posted, as the space may be on the stack. A newer instance that came meanwhile stays: a stop may
// come twice, and a place right behind it.
void Service::retire_later(const Key& key, const model::InstanceId& id) {
  runtime_.executor.post([this, key, id, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    const auto at = placed_.find(key);
    if (at != placed_.end() && at->second.space->id() == id) retire(key);
  });
}

// Counted up and down: each change of one of 10,000 spaces would else look at all of them.
void Service::count_running(Placed& placed, bool runs) {
  if (placed.counted == runs) return;
  placed.counted = runs;
  running_ += runs ? 1 : -1;
  running_gauge_.set(running_);
}

void Service::retire(const Key& key) {
  auto node = placed_.extract(key);
  if (node.empty()) return;
  auto& placed = node.mapped();
  count_running(placed, false);
  auto& space = *placed.space;
  auto& topology = space.topology();
  topology.slots[space.index()].local = nullptr;
  if (placed.next && !closing_) return hand_over(key, topology, placed);
  bury_sent(space, !placed.remove_data, placed.topology_ends);
  bury_taken(space);
  fail_callers(key,
               {Code::unknown, stdx::format("space '{}' was stopped or moved before it had "
                                            "handled the message to its end",
                                            key.second)},
               /*forget=*/true);
  dead_letters_.forget_stored(key.first, key.second);
  const auto id = space.id().key;
  placed.pages.reset();
  placed.space.reset();
  if (placed.remove_data) remove_stored(id);
  forget_topology_if_empty(key.first);
  if (closing_ && placed_.empty() && on_stop) on_stop();
}

void Service::forget_topology_if_empty(const std::string& id) {
  const auto at = topologies_.find(id);
  if (at == topologies_.end() || at->second->has_local_spaces()) return;
  courier_.forget(*at->second);
  by_bytes_.erase(at->second->id_bytes);
  topologies_.erase(at);
}

stdx::Duration Service::close_all() {
  if (std::exchange(closing_, true)) return close_at_ - runtime_.clock.now();
  std::vector<Space*> all;
  for (auto& [key, placed] : placed_) {
    all.push_back(placed.space.get());
    if (placed.space->is_over()) retire_later(key, placed.space->id());
  }
  // No space may hold the process up for ever: on_close has its deadline, a commit close_grace.
  stdx::Duration wait = 1ms;
  for (auto* space : all) {
    if (space->is_over()) continue;
    wait = std::max<stdx::Duration>(
        wait, std::chrono::milliseconds(space->spec().limits.on_close_deadline_ms) + close_grace);
    space->stop("zrun is stopping");
  }
  close_at_ = runtime_.clock.now() + wait;
  close_timer_.set(wait, [this] {
    if (on_stop) on_stop();
  });
  return wait;
}

// --- what HTTP asks ---

std::vector<const Space*> Service::spaces() const {
  std::vector<const Space*> list;
  for (const auto& [key, placed] : placed_) list.push_back(placed.space.get());
  return list;
}

const Space* Service::find(const std::string& topology, const std::string& space) const {
  for (const auto& [key, placed] : placed_) {
    if (key.second != space) continue;
    if (topology.empty() || key.first == topology ||
        placed.space->topology().spec().name == topology)
      return placed.space.get();
  }
  return nullptr;
}

UiPages* Service::pages(const std::string& topology, const std::string& space) {
  for (auto& [key, placed] : placed_)
    if (key.second == space && placed.pages &&
        (key.first == topology || placed.space->topology().spec().name == topology))
      return placed.pages.get();
  return nullptr;
}

}  // namespace zrun
