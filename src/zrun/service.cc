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
      remote_pages_(
          runtime, zmesh_.endpoint(),
          [this](const std::string& topology, const std::string& space) {
            return spaces_.pages(topology, space);
          },
          [this]() -> std::optional<std::size_t> {
            if (!zmesh_.connected()) return std::nullopt;
            return zmesh_.queued_bytes();
          }),
      outside_calls_(runtime.metrics),
      letters_(local_parts()),
      outside_requests_(local_parts()),
      peers_(spaces_, courier_, links_),
      frames_(runtime.log, spaces_, courier_, links_, zmesh_),
      starter_(runtime, spaces_, loader_, dependencies.data, options_.zhost),
      placements_(
          {SpaceParts{runtime, scheduler_, pool_, *this, dependencies.sensors, outside_calls_,
                      dependencies.logs, tracer_.get()},
           spaces_, courier_, letters_, outside_requests_, peers_, starter_, dependencies.data},
          {options_.zhost, options_.spaces_max}),
      details_(spaces_, dependencies.logs, options_.zhost),
      tick_timer_(runtime.executor),
      close_timer_(runtime.executor),
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
                                      done(placements_.place_many(batch));
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
  wire_links();
}

void Service::wire_links() {
  zmesh_.on_data = [this](stdx::Bytes frame) { frames_.arrived("", frame); };
  zmesh_.on_writable = [this] { courier_.room_again(); };
  zmesh_.on_state = [this](bool connected) {
    if (!connected) remote_pages_.hub_lost();
  };
  links_.on_room = [this] { courier_.room_again(); };
  links_.on_frame = [this](const std::string& zhost, stdx::Bytes frame) {
    frames_.arrived(zhost, frame);
  };
  links_.on_link_changed = [this](const std::string& zhost) { frames_.link_changed(zhost); };
  scheduler_.after_round = [this] { courier_.flush(); };
  placements_.on_empty = [this] {
    if (on_stop) on_stop();
  };
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
  const LocalSpaces::Key key{report.topology_id(), report.space()};
  if (space.state() == SpaceState::failed)
    outside_requests_.fail(
        key,
        {Code::unknown, stdx::format("space '{}' failed before it had handled the "
                                     "message to its end: {}",
                                     key.second, space.detail())},
        /*forget=*/false);
  placements_.state_changed(space);
}

stdx::Duration Service::close_all() {
  if (std::exchange(closing_, true)) return close_at_ - runtime_.clock.now();
  outside_requests_.close();
  placements_.close();
  std::vector<Space*> all;
  for (auto& [key, placed] : spaces_.all()) all.push_back(placed.space.get());
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
