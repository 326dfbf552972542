// SPDX-License-Identifier: Apache-2.0
#pragma once

// zrms: where things run, and noticing when they don't. In local mode it reports what its zhost has
// and runs (R-HB-1..4). In super mode (its zhost is in the supers list) it listens to everybody's
// beats and reports and competes for the term; while it holds it, it leads (zrms/leader.h).
//
// It opens no socket to another zhost: all goes through zmesh.

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "ports/blob_store.h"
#include "ports/cluster_key.h"
#include "ports/http.h"
#include "ports/package_reader.h"
#include "ports/resources.h"
#include "ports/runtime.h"
#include "ports/transport.h"
#include "rpc/service_bus.h"
#include "samoza/v1/api.pb.h"
#include "wire/http_router.h"
#include "zrms/away.h"
#include "zrms/blobs.h"
#include "zrms/cluster_manager.h"
#include "zrms/explain.h"
#include "zrms/leader.h"
#include "zrms/leader_lease.h"
#include "zrms/local_report.h"
#include "zrms/versions.h"

namespace zrms {

struct Options {
  std::string cluster_id, zhost, version;
  std::uint64_t incarnation = 0;
  std::uint64_t run = 1;  // start of this process within the incarnation
  std::uint64_t pid = 0;
  stdx::Duration report_interval = std::chrono::seconds(10);      // R-FAIL-1
  stdx::Duration check_interval = std::chrono::milliseconds(50);  // R-FAIL-3
  // Silence after which a zhost is probed at each check; zero: never (profile `seed`).
  stdx::Duration probe_after = std::chrono::milliseconds(250);
  ClusterManager::Options detection;
  LeaderLease::Options lease;
  // How long an archive that no topology refers to stays, twice over: the leader must see it unused
  // so long, and the zhost must not have been asked for it so long. Above the time of a submit.
  stdx::Duration archives_unused_for = std::chrono::minutes(10);
  // Signs access tokens; none: this zrms makes none.
  ports::ClusterKey* key = nullptr;
};

class Service final : public ports::HttpHandler {
 public:
  Service(ports::Runtime& runtime, ports::Transport& transport, ports::PackageReader& packages,
          ports::BlobStore& blobs, ports::Resources& resources, Options options);
  ~Service() override;

  void start();
  std::function<void()> on_stop;
  // Access tokens that hold no longer (wire/revoked_tokens.h), as zmesh hears of them.
  std::function<void(std::vector<std::string>)> on_revoked;

  void handle(ports::HttpRequest request, ports::HttpReply reply) override;
  std::vector<std::string> routes() const { return router_.routes(); }

  // --- for tests and the simulator ---
  bool leads() const;
  std::uint64_t term() const { return lease_.term(); }
  const Leader& leader() const { return leader_; }
  const ClusterManager& cluster() const { return cluster_; }

 private:
  void wire_handlers();
  void wire_startz();
  void wire_cluster();
  void wire_archives();
  void wire_routes();
  void wire_records_routes();
  void wire_events();
  // --- access tokens (tokens_api.cc) ---
  void wire_tokens();
  void make_token(const ports::HttpRequest& request, ports::HttpReply reply);
  void revoke_token(const std::string& id, const ports::HttpRequest& request,
                    ports::HttpReply reply);
  ports::HttpResponse with_token(ports::HttpResponse made) const;
  // --- what was known, while nobody leads (known.cc) ---
  void add_reader(const std::string& pattern, wire::HttpRouter::Handler handler);
  bool knows_records() const;
  // `failed`: the answer where nobody knows.
  void answer_known(const ports::HttpRequest& request, ports::HttpResponse failed,
                    ports::HttpReply reply);
  bool answer_known_here(const ports::HttpRequest& request, const ports::HttpReply& reply);
  void ask_supers(const ports::HttpRequest& request, std::vector<std::string> supers,
                  ports::HttpResponse failed, ports::HttpReply reply);
  std::string away_sentence() const;
  // --- explain (explain_api.cc) ---
  void wire_explain_routes();
  void explain_spec(const v1::TopologySpec& spec, const std::string& space, ports::HttpReply reply);
  void begin_explaining(Explanation explanation, ports::HttpReply reply);
  struct Explaining;
  void go_on_explaining(std::shared_ptr<Explaining> explaining);
  void watch_records();
  void watch_brake(stdx::Instant now);
  // `detail`: why it is not the leader that answers.
  ports::HttpResponse list_events(const std::map<std::string, std::string>& query,
                                  const std::string& detail) const;
  void list_copies(ports::HttpReply reply);
  void membership(v1::MembersChanged members);
  void note_member(const v1::Member& member, const v1::MembersChanged& before);
  void report_soon();
  void report();
  void snapshot_arrived(const v1::Snapshot& snapshot);
  void send_report();
  void report_answered(LocalReport::Answer answer);
  void tick();
  void probe_silent(stdx::Instant now);
  void ask_control_plane(LeaderLease::Ask ask);
  void follow_lease();
  bool is_super() const;

  // --- operators ---
  using Answered = std::function<void(ports::HttpResponse)>;
  // Why this zrms does not answer as the leader, and what to do.
  stdx::Error not_leading() const;
  template <typename Reply>
  void ask_records(const char* method, const google::protobuf::Message& request,
                   ports::HttpReply reply);
  static v1::HttpForward forward_of(const ports::HttpRequest& request);
  bool forwarded(const ports::HttpRequest& request, const ports::HttpReply& reply);
  using Kept = std::function<void(stdx::Result<std::string> sha256, model::Topology)>;
  void keep_archive(stdx::Bytes archive, Kept done);
  void store_archive(stdx::Bytes archive, ports::HttpReply reply);
  // Of ?update=NAME&dry_run=1: what is submitted is the next version of that topology.
  struct UpdateAsked {
    std::string name;  // empty: no update
    bool dry_run = false;
    // Not submitted at all: where its spaces would go, of one of them or (empty) of all.
    std::optional<std::string> explain;
  };
  static UpdateAsked update_asked(ports::HttpRequest& request);
  void submit(stdx::Bytes archive, UpdateAsked asked, ports::HttpReply reply);
  struct Standalone;
  void submit_standalone(const stdx::Bytes& json, UpdateAsked update, ports::HttpReply reply);
  void submit_topology(v1::SubmitRequest request, model::Topology topology,
                       const UpdateAsked& asked, const ports::HttpReply& reply);
  void open_next(std::shared_ptr<Standalone> standalone);
  void submit_spec(v1::SubmitRequest request, ports::HttpReply reply);
  void submit_here(v1::SubmitRequest request,
                   std::function<void(stdx::Result<v1::SubmitReply>)> done);
  using Submitted = std::function<void(stdx::Result<v1::SubmitReply>)>;
  using Holders = std::vector<std::string>;
  struct Submission;
  using SubmissionPtr = std::shared_ptr<const Submission>;
  // In a task of its own; not where this zrms is gone by then.
  void later(std::function<void()> what);
  void check(const SubmissionPtr& submission);
  void begin(const SubmissionPtr& submission);
  stdx::Status may_have_name(const Submission& submission) const;
  stdx::Status can_run(const Submission& submission) const;
  void write_topology(const SubmissionPtr& submission, const Holders& holders);

  // --- versions (update.cc) ---
  using AtLeader = std::function<void(std::string_view, std::string_view,
                                      std::function<void(wire::RouteMatch, ports::HttpReply)>)>;
  void wire_version_routes(const AtLeader& at_leader);
  static stdx::Result<NextVersion> next_of(const Submission& submission, const Records& records);
  stdx::Result<v1::SubmitReply> dry_run(const Submission& submission) const;
  void update_here(const SubmissionPtr& submission, const Holders& holders);
  using MakeNext = std::function<stdx::Result<NextVersion>(const Records&, const TopologyRow&)>;
  struct Update;
  void write_version(const std::string& topology, MakeNext make, const Holders& holders,
                     Submitted done);
  static stdx::Status prepare(Update& update, const Records& records);
  static stdx::Result<std::vector<RowChange>> rows_of(Update& update, const Records& records);
  void act(const std::string& id, const stdx::Bytes& body, bool rollback, ports::HttpReply reply);
  void purge(const std::string& id, const stdx::Bytes& body, ports::HttpReply reply);
  void purge_next(const std::string& topology, std::vector<std::string> spaces,
                  v1::TopologyActionReply so_far, ports::HttpReply reply);
  void show_history(const std::string& id, ports::HttpReply reply) const;
  void keep_data_only(const std::string& id, ports::HttpReply reply);
  struct Spreading;
  void spread(std::shared_ptr<Spreading> spreading);
  void set_desired(const std::string& id, v1::Desired desired, ports::HttpReply reply);
  // R-DEC-6: a dead zhost leaves the list of members.
  void forget_zhost(const std::string& zhost, ports::HttpReply reply);
  const TopologyRow* find_topology(const std::string& id_or_name) const;
  // `summary`: counts instead of placements, which may be thousands. Else those after `after`.
  v1::TopologyView view_of(const TopologyRow& row, bool summary, const std::string& after) const;
  v1::TopologyList list_topologies(bool summary, const std::string& after, std::size_t limit) const;
  void show_placement(const TopologyRow& row, const model::Space& space,
                      v1::PlacementView& view) const;
  v1::ClusterReply cluster_view() const;
  v1::ZhostsReply zhosts_view() const;
  v1::ServiceStatus status_view() const;

  ports::Runtime& runtime_;
  ports::PackageReader& packages_;
  ports::BlobStore& blob_store_;
  ports::Resources& resources_;
  Options options_;
  rpc::ServiceBus zmesh_, startz_;
  ClusterManager cluster_;
  LeaderLease lease_;
  Leader leader_;
  Blobs blobs_;
  LocalReport local_;
  bool asking_startz_ = false;
  wire::HttpRouter router_;
  wire::HttpRouter known_;  // what is answered without a leader, too
  Away away_;
  v1::MembersChanged members_;
  std::uint64_t followed_reign_ = 0;
  bool led_ = false;
  std::string control_plane_trouble_;
  std::string behind_since_, behind_why_;  // of the records, for the events of the next reign here
  bool brake_noted_ = false;
  int explaining_ = 0;
  stdx::Instant last_report_{}, last_look_{}, last_check_{}, started_{};
  stdx::Instant archives_listed_{};
  ports::Timer tick_timer_, report_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zrms
