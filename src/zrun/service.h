// SPDX-License-Identifier: Apache-2.0
#pragma once

// zrun: runs the spaces of one zhost. Takes place and stop commands from startz (which checked
// them, P4), where the others are from zmesh, and decides nothing about other zhosts.
//
// One loop; everything it is built from outlives it.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ports/blob_store.h"
#include "ports/data_store.h"
#include "ports/engine.h"
#include "ports/http.h"
#include "ports/package_reader.h"
#include "ports/runtime.h"
#include "ports/sensors.h"
#include "ports/space_logs.h"
#include "ports/transport.h"
#include "rpc/service_bus.h"
#include "samoza/v1/api.pb.h"
#include "samoza/v1/cluster.pb.h"
#include "samoza/v1/join.pb.h"
#include "zrun/courier.h"
#include "zrun/data_frames.h"
#include "zrun/data_links.h"
#include "zrun/letter_writer.h"
#include "zrun/loader.h"
#include "zrun/local_spaces.h"
#include "zrun/outside_calls.h"
#include "zrun/outside_requests.h"
#include "zrun/peer_table.h"
#include "zrun/placements.h"
#include "zrun/remote_pages.h"
#include "zrun/space.h"
#include "zrun/space_details.h"
#include "zrun/space_starter.h"
#include "zrun/trace_exporter.h"

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

// What zrun needs of its process, one by one. All outlive it.
struct Dependencies {
  ports::Transport& transport;
  ports::LinkIdentity& identity;  // of its data links
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
  // What a space may take beyond its on_close_deadline_ms when zrun stops: its last commit.
  static constexpr stdx::Duration close_grace = std::chrono::seconds(1);

  Service(ports::Runtime& runtime, Dependencies dependencies, Options options);
  ~Service() override;

  stdx::Status start();
  // startz asked this process to end; the spaces were closed first.
  std::function<void()> on_stop;
  // Access tokens that hold no longer (wire/revoked_tokens.h), as zmesh hears of them.
  std::function<void(std::vector<std::string>)> on_revoked;

  // --- commands (zrun.place, zrun.stop) ---
  v1::CommandReply place(const v1::PlaceCommand& command) { return placements_.place(command); }
  v1::CommandReply stop(const v1::StopCommand& command) { return placements_.stop(command); }

  // --- its parts, for HTTP and tests ---
  const Options& options() const { return options_; }
  const LocalSpaces& spaces() const { return spaces_; }
  LocalSpaces& spaces() { return spaces_; }
  const SpaceDetails& details() const { return details_; }
  LetterWriter& letters() { return letters_; }
  OutsideRequests& outside_requests() { return outside_requests_; }
  bool zmesh_connected() const { return zmesh_.connected(); }
  std::size_t data_links() const { return links_.size(); }

  // --- SpaceOwner ---
  void emit(Space& sender, PathState& path, stdx::BytesView payload) override;
  void send(Space& sender, PathState& path, MessagePtr message) override;
  void finished(Space& receiver, const Message& message) override;
  void feed(Space& receiver) override;
  void record_dead_letter(Space& receiver, DeadLetter letter) override;
  void retried(Space& receiver, std::uint64_t letter, const std::string& why) override;
  void letters_loaded(Space& receiver, std::vector<DeadLetter> letters) override;
  void state_changed(Space& space) override;
  void given_up(Space& sender, std::uint16_t path, const Message& message,
                const char* why) override;
  void ledger_loaded(Space& space) override;

  // Stops every space and then calls on_stop. Gives how long that may take: the largest
  // on_close_deadline_ms of the spaces that are open, and the time of their last commits.
  stdx::Duration close_all();

 private:
  LocalParts local_parts();
  void wire_handlers();
  void wire_links();
  void use(const v1::DataCredentials& credentials);
  void tick();

  ports::Runtime& runtime_;
  Dependencies dependencies_;
  Options options_;
  rpc::ServiceBus startz_, zmesh_;
  MessagePool pool_;                // before everything that holds messages
  std::unique_ptr<Tracer> tracer_;  // null: nothing is traced here
  std::unique_ptr<TraceExporter> exporter_;
  Scheduler scheduler_;
  DataLinks links_;
  Courier courier_;
  Loader loader_;
  LocalSpaces spaces_;
  RemotePages remote_pages_;
  OutsideCalls outside_calls_;
  LetterWriter letters_;
  OutsideRequests outside_requests_;
  PeerTable peers_;
  DataFrames frames_;
  SpaceStarter starter_;
  Placements placements_;
  SpaceDetails details_;
  ports::Timer tick_timer_;
  ports::Timer close_timer_;
  bool closing_ = false;
  stdx::Instant close_at_{};
  ports::Gauge& outbox_gauge_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zrun
