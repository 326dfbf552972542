// SPDX-License-Identifier: Apache-2.0
#pragma once

// zrun: runs the spaces of one zhost. Takes place and stop commands from startz (which checked
// them, P4), where the others are from zmesh, and decides nothing about other zhosts.
//
// One loop; everything it is built from outlives it.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "ports/blob_store.h"
#include "ports/cluster_key.h"
#include "ports/data_store.h"
#include "ports/engine.h"
#include "ports/http.h"
#include "ports/package_reader.h"
#include "ports/runtime.h"
#include "ports/sensors.h"
#include "ports/space_logs.h"
#include "ports/transport.h"
#include "rpc/log_gate.h"
#include "rpc/service_bus.h"
#include "samoza/v1/api.pb.h"
#include "samoza/v1/cluster.pb.h"
#include "zrun/courier.h"
#include "zrun/data_links.h"
#include "zrun/dead_letters.h"
#include "zrun/loader.h"
#include "zrun/outside_calls.h"
#include "zrun/remote_pages.h"
#include "zrun/space.h"
#include "zrun/trace_exporter.h"
#include "zrun/ui_pages.h"

namespace zrun {

struct Options {
  std::string cluster_id, zhost, version;
  std::uint64_t incarnation = 0;
  std::uint64_t pid = 0;
  std::string ip;  // data links
  std::uint16_t peer_port = 9201;
  std::size_t spaces_max = 20'000;  // startz and the leader refuse before
  Scheduler::Options scheduler;
  // Traces of messages: where their spans go (none: nothing is traced here), and the part of the
  // messages that are traced.
  std::optional<TraceExporter::Endpoint> traces;
  double trace_ratio = 0;
};

// The outside that zrun needs, one by one.
struct Outside {
  ports::Transport& transport;
  ports::ClusterKey& key;
  ports::Engine& engine;
  ports::DataStore& data;
  ports::BlobStore& blobs;
  ports::PackageReader& packages;
  ports::Sensors& sensors;
  ports::SpaceLogs* logs = nullptr;   // null: what a space said ends with its instance
  ports::HttpClient* http = nullptr;  // for Options::traces
};

class Service final : public SpaceOwner {
 public:
  // Between two tries to open a store for which there is no room.
  static constexpr stdx::Duration data_open_again = std::chrono::seconds(1);
  // What a space may take beyond its on_close_deadline_ms when zrun stops: its last commit.
  static constexpr stdx::Duration close_grace = std::chrono::seconds(1);

  Service(ports::Runtime& runtime, Outside outside, Options options);
  ~Service() override;

  stdx::Status start();
  // startz asked this process to end; the spaces were closed first.
  std::function<void()> on_stop;
  // Access tokens that hold no longer (wire/revoked_tokens.h), as zmesh hears of them.
  std::function<void(std::vector<std::string>)> on_revoked;

  // --- commands (zrun.place, zrun.stop, zrun.emit) ---
  v1::CommandReply place(const v1::PlaceCommand& command);
  v1::PlaceBatchReply place_many(const v1::PlaceBatch& batch);
  v1::CommandReply stop(const v1::StopCommand& command);
  // A message from outside, for a space here: answers when it is in the mailbox or, with `wait`,
  // when the space has answered or handled it (docs/delivery.md).
  void ask(const v1::SendRequest& request, std::function<void(stdx::Result<v1::SendReply>)> done);
  // Answers when the message is in the stream, of a transactional space on disk.
  void emit_for(const v1::SendRequest& request, std::function<void(stdx::Status)> done);

  // --- for the HTTP interface, here and (zrun.space) of other zhosts ---
  void detail(const v1::SpaceDetailRequest& request,
              std::function<void(stdx::Result<v1::SpaceDetail>)> done) const;
  const Options& options() const { return options_; }
  std::vector<const Space*> spaces() const;
  const Space* find(const std::string& topology, const std::string& space) const;
  UiPages* pages(const std::string& topology, const std::string& space);
  const DeadLetters& dead_letters() const { return dead_letters_; }
  // Into the mailbox of its receiver again, which must run here; it stays a letter until it was
  // handled. Errors: not_found, unavailable (not here, or not running), full, already_exists.
  stdx::Status retry_letter(std::uint64_t id);
  stdx::Status drop_letter(std::uint64_t id);
  bool zmesh_connected() const { return zmesh_.connected(); }
  std::size_t data_links() const { return links_.size(); }

  // --- SpaceOwner ---
  void emit(Space& sender, PathState& path, stdx::BytesView payload) override;
  void send(Space& sender, PathState& path, MessagePtr message) override;
  void finished(Space& receiver, const Message& message) override;
  void feed(Space& receiver) override;
  void bury(Space& receiver, DeadLetter letter) override;
  void retried(Space& receiver, std::uint64_t letter, const std::string& why) override;
  void letters_loaded(Space& receiver, std::vector<DeadLetter> letters) override;
  void state_changed(Space& space) override;
  void ledger_loaded(Space& space) override;

  // Stops every space and then calls on_stop. Gives how long that may take: the largest
  // on_close_deadline_ms of the spaces that are open, and the time of their last commits.
  stdx::Duration close_all();

 private:
  struct Placed {
    std::unique_ptr<Space> space;
    std::unique_ptr<UiPages> pages;
    std::unique_ptr<ports::Timer> open_again;  // while its store can't be opened
    bool remove_data = false;
    bool topology_ends = false;
    bool data_expected = false;  // it has run with its store before
    bool counted = false;        // in running_
    // Takes its place once it is closed (PlaceCommand.replaces).
    std::unique_ptr<v1::PlaceCommand> next;
    std::shared_ptr<const model::Topology> next_text;
  };
  using Key = std::pair<std::string, std::string>;  // topology id, space

  void wire_handlers();
  void load(const Key& key, const v1::PlaceCommand& command);
  void package_ready(const Key& key, model::InstanceId id, const std::string& sha256,
                     stdx::Result<std::shared_ptr<const ports::Package>> package);
  void serve_pages(Placed& placed, std::shared_ptr<const ports::Package> package);
  void open_data(const Key& key, model::InstanceId id, std::shared_ptr<ports::Module> module);
  void data_opened(const Key& key, const model::InstanceId& id,
                   std::shared_ptr<ports::Module> module,
                   stdx::Result<std::shared_ptr<ports::SpaceData>> data);
  // What an operator is told, and can do, where the store of a space is gone.
  stdx::Error of_data(const model::InstanceId& id, const stdx::Error& error) const;
  Placed* still(const Key& key, const model::InstanceId& id);
  void fail_placed(const Key& key, const model::InstanceId& id, const stdx::Error& why);
  void count_running(Placed& placed, bool runs);
  void retire(const Key& key);
  void retire_later(const Key& key, const model::InstanceId& id);
  // What the disk has of a space that is deleted.
  void remove_stored(const model::SpaceKey& key);
  void forget_topology_if_empty(const std::string& topology);
  // Reads a topology that is not here yet.
  using ReadSpec = std::function<stdx::Result<model::Topology>()>;
  v1::CommandReply place(const v1::PlaceCommand& command, const ReadSpec& spec);
  stdx::Result<LocalTopology*> topology_of(const v1::PlaceCommand& command, const ReadSpec& spec);
  v1::CommandReply replace(Placed& placed, std::shared_ptr<const model::Topology> text,
                           const v1::PlaceCommand& command);
  // `carried`: goes into its mailbox before anything else.
  v1::CommandReply place_here(LocalTopology& topology, std::shared_ptr<const model::Topology> text,
                              const v1::PlaceCommand& command,
                              std::vector<MessagePtr> carried = {});
  void hand_over(const Key& key, LocalTopology& topology, Placed& placed);
  // The receiver of a letter, where it is placed here.
  Space* receiver_of(const DeadLetter& letter);
  void add_letter(DeadLetter letter);
  void bury_sent(Space& sender, bool keeps_outbox, bool topology_ends);
  // `received`: what its receiver has, too.
  void bury_path(LocalTopology& topology, PathState& path, const char* why, bool received = false);
  // `carry`: those that the next instance gets instead.
  void bury_taken(Space& receiver, std::vector<MessagePtr>* carry = nullptr);
  void bury_left(Space& receiver, const Message& message, const char* why);
  static bool takes_from_outside(const model::Space& space, bool http);
  stdx::Result<Placed*> asked_space(const v1::SendRequest& request);
  void fail_callers(const Key& key, const stdx::Error& why, bool forget);
  void expire_callers();
  LocalTopology* find_topology(const std::string& id_or_name);

  void peers_page(v1::PeersUpdate page);
  void peer_told(LocalTopology& topology, const v1::DirectoryEntry& entry);
  void frame_arrived(const std::string& from_zhost, const stdx::Bytes& frame);
  bool send_frame(const std::string& zhost, stdx::Bytes frame);
  void way_changed(const std::string& zhost);
  void tick();

  ports::Runtime& runtime_;
  Outside outside_;
  Options options_;
  rpc::ServiceBus startz_, zmesh_;
  MessagePool pool_;                // before everything that holds messages
  std::unique_ptr<Tracer> tracer_;  // null: nothing is traced here
  std::unique_ptr<TraceExporter> exporter_;
  Scheduler scheduler_;
  DataLinks links_;
  Courier courier_;
  Loader loader_;
  std::map<std::string, std::unique_ptr<LocalTopology>> topologies_;
  std::map<std::array<char, 16>, LocalTopology*> by_bytes_;
  RemotePages remote_pages_;  // before the pages that it gave to spaces
  std::map<Key, Placed> placed_;
  // What zmesh told of the topologies that have a part here: by topology, then by space.
  std::map<std::string, std::map<std::string, v1::DirectoryEntry>> peers_;
  DeadLetters dead_letters_;
  OutsideCalls outside_calls_;
  ports::Timer callers_timer_;
  rpc::LogGate letters_gate_;
  std::optional<v1::PeersUpdate> peers_coming_;  // the pages of the next one so far
  ports::Timer tick_timer_;
  ports::Timer close_timer_;
  // The package of the space that was loaded last, for a moment: the spaces of a large topology
  // come in batches, and it is not opened anew for each.
  std::shared_ptr<const ports::Package> recent_package_;
  ports::Timer recent_timer_;
  bool closing_ = false;
  stdx::Instant close_at_{};
  std::int64_t running_ = 0;
  ports::Gauge& running_gauge_;
  ports::Gauge& outbox_gauge_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zrun
