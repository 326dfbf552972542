// SPDX-License-Identifier: Apache-2.0
#include "zrun/service.h"

#include "samoza/v1/join.pb.h"
#include "samoza/v1/tokens.pb.h"
#include "stdx/encoding.h"
#include "stdx/text.h"
#include "wire/frame.h"
#include "wire/revoked_tokens.h"
#include "wire/states.h"
#include "wire/topology_codec.h"
#include "zrun/space_view.h"

namespace zrun {
namespace {

using namespace std::chrono_literals;
using stdx::Code;

constexpr stdx::Duration tick_interval = 500ms;

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

v1::CommandReply reply(wire::CommandOutcome outcome, std::string reason = "") {
  v1::CommandReply out;
  wire::set_outcome(out, outcome);
  out.set_reason(std::move(reason));
  return out;
}

}  // namespace

Service::Service(ports::Runtime& runtime, Dependencies dependencies, Options options)
    : runtime_(runtime),
      dependencies_(dependencies),
      options_(std::move(options)),
      startz_(runtime, dependencies.transport, {"startz", hello_of(options_)}),
      zmesh_(runtime, dependencies.transport, {"zmesh", hello_of(options_)}),
      tracer_(options_.traces && dependencies.http != nullptr
                  ? std::make_unique<Tracer>(runtime, options_.trace_ratio)
                  : nullptr),
      scheduler_(runtime, options_.scheduler),
      links_(runtime, dependencies.transport, data_hello_of(options_),
             ports::Endpoint::data(options_.ip, options_.peer_port)),
      courier_(runtime, scheduler_, pool_, options_.zhost,
               [this](const std::string& zhost, stdx::Bytes frame) {
                 return frames_.send(zhost, std::move(frame));
               }),
      loader_(dependencies.engine, dependencies.blobs, dependencies.packages,
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
      remote_pages_(runtime, zmesh_.endpoint(),
                    [this](const std::string& topology, const std::string& space) {
                      return spaces_.pages(topology, space);
                    }),
      outside_calls_(runtime.metrics),
      letters_(local_parts()),
      outside_requests_(local_parts()),
      peers_(spaces_, courier_, links_),
      frames_(runtime.log, spaces_, courier_, links_, zmesh_),
      starter_(runtime, spaces_, loader_, dependencies.data, options_.zhost),
      details_(spaces_, dependencies.logs, options_.zhost),
      tick_timer_(runtime.executor),
      close_timer_(runtime.executor),
      running_gauge_(runtime.metrics.gauge("samoza_zrun_spaces_running", "Spaces running here")),
      outbox_gauge_(runtime.metrics.gauge("samoza_zrun_outbox_messages",
                                          "Messages in the outboxes of transactional spaces")) {
  if (tracer_)
    exporter_ = std::make_unique<TraceExporter>(
        runtime, *dependencies_.http, *tracer_, *options_.traces,
        SpanOrigin{options_.cluster_id, options_.zhost, options_.version});
  wire_handlers();
}

LocalParts Service::local_parts() {
  return {runtime_,
          spaces_,
          pool_,
          outside_calls_,
          tracer_.get(),
          options_.zhost,
          [this](const std::string& zhost) { return links_.lost(zhost); }};
}

Service::~Service() {
  // Spaces hold messages and call their owner: first of all.
  spaces_.all().clear();
}

stdx::Status Service::start() {
  TRY(links_.start());
  startz_.start();
  zmesh_.start();
  tick();
  return {};
}

// What the data links show and trust.
void Service::use(const v1::DataCredentials& credentials) {
  const auto& authorities = credentials.authorities();
  ports::Trust trust{credentials.cluster_id(), {authorities.begin(), authorities.end()}, {}};
  wire::RevokedTokens revoked;
  revoked.add({credentials.revoked().begin(), credentials.revoked().end()}, runtime_.clock.wall());
  trust.revoked = wire::revoked_zhosts(revoked);
  const auto used =
      dependencies_.identity.use({credentials.key(), credentials.certificate()}, trust);
  if (!used) runtime_.log.error("certificate_not_used", {{"why", used.error().message}});
  links_.set_revoked(trust.revoked);
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
  zmesh_.on("zmesh.credentials",
            rpc::event<v1::DataCredentials>(
                [this](const rpc::Caller& caller, v1::DataCredentials credentials) {
                  // Of the zmesh of this zhost, and no other.
                  if (caller.from.zhost().empty() || caller.from.zhost() == options_.zhost)
                    use(credentials);
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
    for (const auto& [key, placed] : spaces_.all()) state_changed(*placed.space);
  };
  zmesh_.on("zrun.peers", [this](const rpc::Caller&, stdx::BytesView body, rpc::Response respond) {
    auto page = wire::parse<v1::PeersUpdate>(body);
    if (!page) return respond(std::unexpected(page.error()));
    peers_.take(std::move(*page));
    respond(stdx::Bytes());
  });
  zmesh_.on("zrun.emit", rpc::typed<v1::SendRequest, v1::SendReply>(
                             [this](const rpc::Caller&, v1::SendRequest request, auto done) {
                               outside_requests_.send_along_path(
                                   request, [done](stdx::Status sent) {
                                     if (!sent) return done(std::unexpected(sent.error()));
                                     v1::SendReply out;
                                     out.set_outcome("accepted");
                                     done(std::move(out));
                                   });
                             }));
  zmesh_.on("zrun.ask", rpc::typed<v1::SendRequest, v1::SendReply>(
                            [this](const rpc::Caller&, v1::SendRequest request, auto done) {
                              outside_requests_.ask(request, std::move(done));
                            }));
  zmesh_.on("zrun.space", rpc::typed<v1::SpaceDetailRequest, v1::SpaceDetail>(
                              [this](const rpc::Caller&, v1::SpaceDetailRequest request,
                                     auto done) { details_.detail(request, std::move(done)); }));
  zmesh_.on_data = [this](stdx::Bytes frame) { frames_.arrived("", frame); };
  zmesh_.on_writable = [this] { courier_.room_again(); };
  links_.on_room = [this] { courier_.room_again(); };
  links_.on_frame = [this](const std::string& zhost, stdx::Bytes frame) {
    frames_.arrived(zhost, frame);
  };
  links_.on_link_changed = [this](const std::string& zhost) { frames_.link_changed(zhost); };
  scheduler_.after_round = [this] { courier_.flush(); };
}

// --- placing ---

stdx::Result<LocalTopology*> Service::topology_of(const v1::PlaceCommand& command,
                                                  const ReadSpec& spec) {
  const auto& id = command.header().topology_id();
  auto* topology = spaces_.topology_with_id(id);
  if (topology != nullptr && command.topology_version() <= topology->spec().version)
    return topology;
  TRY_ASSIGN(auto read, spec());
  if (topology == nullptr) {
    TRY_ASSIGN(auto made, LocalTopology::make(model::TopologyId(id), std::move(read)));
    topology = &spaces_.add(std::move(made));
  } else {
    TRY(topology->update(std::move(read)));
  }
  peers_.tell(*topology);
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
  if (closing_) return reply(wire::CommandOutcome::refused, "zrun is stopping");
  if (!stdx::is_uuid(header.topology_id()))
    return reply(wire::CommandOutcome::refused, "no topology id");
  const Key key{header.topology_id(), header.space()};
  auto* present = spaces_.find(key);
  if (present != nullptr) {
    const auto& id = present->space->id();
    const model::InstanceId asked{id.key, model::Epoch(header.epoch()), model::Run(command.run())};
    if (asked <= id)
      return reply(asked == id ? wire::CommandOutcome::already : wire::CommandOutcome::refused,
                   "a newer instance is here");
  }
  const auto found = topology_of(command, spec);
  if (!found) return reply(wire::CommandOutcome::refused, found.error().message);
  auto& topology = **found;
  const auto text = topology.text_of(command.topology_version(), spec);
  if (!text || topology.index_in(**text, header.space()) < 0) {
    forget_topology_if_empty(header.topology_id());
    return reply(wire::CommandOutcome::refused,
                 text ? "the topology has no such space" : text.error().message);
  }
  if (present != nullptr) {
    auto& placed = *present;
    const auto replaces = command.replaces();
    // Also the one that is to begin when the one before it has closed.
    const bool goes_on =
        replaces != 0 && (replaces == placed.space->id().epoch.value ||
                          (placed.next && replaces == placed.next->header().epoch()));
    if (goes_on) return replace(placed, *text, command);
    placed.next.reset();
    retire(key);
    // It may have been the last one here.
    const auto again = topology_of(command, spec);
    if (!again) return reply(wire::CommandOutcome::refused, again.error().message);
    return place_here(**again, *text, command, {});
  }
  if (spaces_.all().size() >= options_.spaces_max)
    return reply(wire::CommandOutcome::refused,
                 stdx::format("zrun holds {} spaces, its limit", spaces_.all().size()));
  return place_here(topology, *text, command, {});
}

namespace {

// Of no other life of the same space, and of no outbox (random, and so hardly ever with this bit).
std::uint64_t name_of_numbering(std::uint64_t epoch, std::uint32_t run) {
  return (1ull << 63) | (epoch << 24) | run;
}

}  // namespace

v1::CommandReply Service::place_here(LocalTopology& topology,
                                     std::shared_ptr<const model::Topology> text,
                                     const v1::PlaceCommand& command, Handed handed) {
  const auto& header = command.header();
  const Key key{header.topology_id(), header.space()};
  const auto index = static_cast<std::uint16_t>(topology.index_in(*text, header.space()));
  const auto version = text->version;
  model::InstanceId id{
      {topology.id, header.space()}, model::Epoch(header.epoch()), model::Run(command.run())};
  auto& placed = spaces_.all()[key];
  placed.space = std::make_unique<Space>(
      SpaceParts{runtime_, scheduler_, pool_, *this, dependencies_.sensors, outside_calls_,
                 dependencies_.logs, tracer_.get()},
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
  placed.space->carry(std::move(handed.outgoing));
  for (auto& message : handed.messages) placed.space->deliver(std::move(message));
  courier_.space_arrived(topology, index, handed.with_mailbox);
  state_changed(*placed.space);
  starter_.start(key, command);
  return reply(wire::CommandOutcome::accepted);
}

// --- replacing ---

// A newer version of a space takes the place of the one that runs here: the former one is closed,
// and what it had not finished goes on (PlaceCommand.replaces).
v1::CommandReply Service::replace(PlacedSpace& placed, std::shared_ptr<const model::Topology> text,
                                  const v1::PlaceCommand& command) {
  v1::CommandReply reply;
  const auto of = [](const v1::PlaceCommand& c) { return std::pair(c.header().epoch(), c.run()); };
  const bool again = placed.next && of(*placed.next) == of(command);
  wire::set_outcome(reply, again ? wire::CommandOutcome::already : wire::CommandOutcome::accepted);
  if (again) return reply;
  const bool closing = placed.next != nullptr;
  placed.next = std::make_unique<v1::PlaceCommand>(command);
  placed.next->clear_topology();  // it is read
  placed.next_text = std::move(text);
  if (placed.space->is_over())
    retire_later({command.header().topology_id(), command.header().space()}, placed.space->id());
  else if (!closing)
    placed.space->stop("a newer version of it takes its place");
  return reply;
}

namespace {

// An outbox has numbers of its own: what a receiver has by the former ones comes again, marked.
// Copies, as a receiver in this zrun holds the same messages.
void take_for_store(MessagePool& pool, PathState& path, std::vector<Turn::Emit>& outgoing) {
  path.out.restart();
  path.out.drain([&](const MessagePtr& message) {
    auto copy = pool.make(message->payload);
    copy->redelivered = message->redelivered;
    copy->seq = message->seq;
    if (const auto* trace = message->trace()) copy->set_trace(*trace);
    outgoing.push_back({path.index, std::move(copy)});
  });
}

}  // namespace

// What its senders keep goes to the next instance anyway; what only this zrun has is handed on: the
// messages it had sent and that are not finished (with their numbers), those it sent to itself, and
// those that nobody keeps and it had not begun.
void Service::hand_over(const Key& key, LocalTopology& topology, PlacedSpace& placed) {
  auto& former = *placed.space;
  const auto& command = *placed.next;
  // The topology here may be of a version after the one that this command is of.
  const auto has = [&paths = placed.next_text->paths](const PathState& path) {
    return path.index < paths.size() && !paths[path.index].removed;
  };
  const int index = topology.index_in(*placed.next_text, key.second);
  const bool into_store =
      model::is_transactional(*placed.next_text, static_cast<std::size_t>(index));
  Handed handed{{}, former.take_carried(), !former.is_transactional()};
  for (auto* path : topology.paths_of[former.index()]) {
    if (path->from != former.index()) continue;
    path->opened_to.clear();
    if (path->out.stream() != 0)
      path->out.drain([](MessagePtr) {});  // the next instance reads it from the store
    else if (!has(*path))
      letters_.not_received(topology, *path, "an update removed its path before it was received");
    else if (into_store && path->out.keeps_until_finished())
      take_for_store(pool_, *path, handed.outgoing);
    else
      path->out.take_over(command.header().epoch(), command.run());
  }
  letters_.receiver_leaves(former, &handed.messages);
  std::erase_if(handed.messages, [&](const MessagePtr& message) {
    if (!message->is_from_outside() ||
        OutsideRequests::are_taken_by(placed.next_text->spaces[static_cast<std::size_t>(index)],
                                      message->http))
      return false;
    letters_.not_handled(former, *message, "an update closed the space to messages from outside");
    return true;
  });
  letters_.forget_stored(key.first, key.second);
  place_here(topology, placed.next_text, command, std::move(handed));
}

// --- stopping ---

v1::CommandReply Service::stop(const v1::StopCommand& command) {
  const auto& header = command.header();
  if (!stdx::is_uuid(header.topology_id()) || !model::is_name(header.space()))
    return reply(wire::CommandOutcome::refused, "a stop names topology_id and space");
  const Key key{header.topology_id(), header.space()};
  auto* placed = spaces_.find(key);
  if (placed == nullptr) {
    if (command.remove_data()) remove_stored({model::TopologyId(key.first), key.second});
    return reply(wire::CommandOutcome::already);
  }
  if (placed->space->id().epoch.value > header.epoch())
    return reply(wire::CommandOutcome::refused, "a newer instance is here");
  placed->remove_data |= command.remove_data();
  placed->topology_ends |= command.topology_ends();
  if (placed->next && placed->next->header().epoch() <= header.epoch()) placed->next.reset();
  auto& space = *placed->space;
  if (!space.is_over())
    space.stop(command.why().empty() ? "stopped by command" : command.why());
  else
    retire_later(key, space.id());
  return reply(wire::CommandOutcome::accepted);
}

void Service::state_changed(Space& space) {
  const auto report = report_of(space);
  startz_.notify(rpc::address("", "startz"), "zrun.space_state", report.SerializeAsString());
  runtime_.log.info("space_state", {{"topology", report.topology_id()},
                                    {"space", report.space()},
                                    {"epoch", report.epoch()},
                                    {"run", report.run()},
                                    {"state", report.state()},
                                    {"detail", report.detail()}});
  const Key key{report.topology_id(), report.space()};
  if (auto* placed = spaces_.find(key); placed != nullptr && placed->space.get() == &space)
    count_running(*placed, !space.is_ui() && space.state() == SpaceState::running);
  if (space.state() == SpaceState::failed)
    outside_requests_.fail(
        key,
        {Code::unknown, stdx::format("space '{}' failed before it had handled the "
                                     "message to its end: {}",
                                     key.second, space.detail())},
        /*forget=*/false);
  const auto* placed = spaces_.find(key);
  const bool is_replaced = placed != nullptr && placed->space.get() == &space && placed->next;
  // It may fail while it closes: the next one begins all the same.
  if (space.state() == SpaceState::stopped || (space.state() == SpaceState::failed && is_replaced))
    retire_later(key, space.id());
}

// Posted, as the space may be on the stack. A newer instance that came meanwhile stays: a stop may
// come twice, and a place right behind it.
void Service::retire_later(const Key& key, const model::InstanceId& id) {
  runtime_.executor.post([this, key, id, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    const auto* placed = spaces_.find(key);
    if (placed != nullptr && placed->space->id() == id) retire(key);
  });
}

// Maintained incrementally; recounting would make each state change O(spaces).
void Service::count_running(PlacedSpace& placed, bool runs) {
  if (placed.counted == runs) return;
  placed.counted = runs;
  running_ += runs ? 1 : -1;
  running_gauge_.set(running_);
}

void Service::retire(const Key& key) {
  auto node = spaces_.all().extract(key);
  if (node.empty()) return;
  auto& placed = node.mapped();
  count_running(placed, false);
  auto& space = *placed.space;
  auto& topology = space.topology();
  topology.slots[space.index()].local = nullptr;
  if (placed.next && !closing_) return hand_over(key, topology, placed);
  for (const auto& [path, message] : space.take_carried())
    letters_.given_up(topology, path, *message,
                      "its sender was stopped or moved before it was in its outbox");
  letters_.sender_leaves(space, !placed.remove_data, placed.topology_ends);
  letters_.receiver_leaves(space);
  outside_requests_.fail(
      key,
      {Code::unknown, stdx::format("space '{}' was stopped or moved before it had "
                                   "handled the message to its end",
                                   key.second)},
      /*forget=*/true);
  letters_.forget_stored(key.first, key.second);
  const auto id = space.id().key;
  placed.pages.reset();
  placed.space.reset();
  if (placed.remove_data) remove_stored(id);
  forget_topology_if_empty(key.first);
  if (closing_ && spaces_.all().empty() && on_stop) on_stop();
}

void Service::forget_topology_if_empty(const std::string& id) {
  auto* topology = spaces_.topology_with_id(id);
  if (topology == nullptr || topology->has_local_spaces()) return;
  courier_.forget(*topology);
  spaces_.remove_topology(id);
}

void Service::remove_stored(const model::SpaceKey& key) {
  dependencies_.data.remove(key);
  if (dependencies_.logs != nullptr) dependencies_.logs->remove(key);
}

stdx::Duration Service::close_all() {
  if (std::exchange(closing_, true)) return close_at_ - runtime_.clock.now();
  outside_requests_.close();
  std::vector<Space*> all;
  for (auto& [key, placed] : spaces_.all()) {
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

// --- messages ---

void Service::record_dead_letter(Space& receiver, DeadLetter letter) {
  letters_.could_not_handle(receiver, std::move(letter));
}

void Service::retried(Space&, std::uint64_t letter, const std::string& why) {
  letters_.retried(letter, why);
}

void Service::letters_loaded(Space& receiver, std::vector<DeadLetter> letters) {
  letters_.loaded(receiver, std::move(letters));
}

void Service::emit(Space& sender, PathState& path, stdx::BytesView payload) {
  courier_.emit(sender, path, payload);
}

void Service::send(Space& sender, PathState& path, MessagePtr message) {
  courier_.send(sender, path, std::move(message));
}

void Service::given_up(Space& sender, std::uint16_t path, const Message& message, const char* why) {
  letters_.given_up(sender.topology(), path, message, why);
}

void Service::ledger_loaded(Space& space) {
  courier_.ledger_loaded(space.topology(), space.index());
}

void Service::finished(Space& receiver, const Message& message) {
  auto& topology = receiver.topology();
  courier_.finished(topology, *topology.paths[message.path], message);
}

void Service::feed(Space& receiver) {
  courier_.feed(receiver);
}

void Service::tick() {
  for (auto& [id, topology] : spaces_.topologies()) courier_.tick(*topology);
  std::size_t outbox = 0;
  for (auto& [key, placed] : spaces_.all()) {
    placed.space->tidy_outbox();
    outbox += placed.space->outbox_size();
  }
  outbox_gauge_.set(static_cast<std::int64_t>(outbox));
  remote_pages_.tidy();
  tick_timer_.set(tick_interval, [this] { tick(); });
}

}  // namespace zrun
