// SPDX-License-Identifier: Apache-2.0
#pragma once

// zrms: where things run, and noticing when they don't. In local mode it reports what its zhost has
// and runs (R-HB-1..4). In super mode (its zhost is in the supers list) it listens to everybody's
// beats and reports and competes for the term; while it holds it, it leads (zrms/leader.h).
//
// It opens no socket to another zhost: all goes through zmesh.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ports/blob_store.h"
#include "ports/cluster_key.h"
#include "ports/http.h"
#include "ports/package_reader.h"
#include "ports/resources.h"
#include "ports/runtime.h"
#include "ports/transport.h"
#include "rpc/service_bus.h"
#include "zrms/blobs.h"
#include "zrms/cluster_api.h"
#include "zrms/cluster_manager.h"
#include "zrms/cluster_views.h"
#include "zrms/events_api.h"
#include "zrms/explain_api.h"
#include "zrms/join_tokens_api.h"
#include "zrms/leader.h"
#include "zrms/leader_lease.h"
#include "zrms/leader_routes.h"
#include "zrms/leadership.h"
#include "zrms/local_report.h"
#include "zrms/records_api.h"
#include "zrms/submit_api.h"
#include "zrms/submitter.h"
#include "zrms/tokens_api.h"
#include "zrms/topology_api.h"
#include "zrms/topology_views.h"
#include "zrms/version_writer.h"
#include "zrms/versions_api.h"

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
  void set_on_revoked(std::function<void(std::vector<std::string>)> heard) {
    tokens_api_.on_revoked = std::move(heard);
  }

  void handle(ports::HttpRequest request, ports::HttpReply reply) override;
  std::vector<std::string> routes() const { return routes_.routes(); }

  // --- for tests and the simulator ---
  bool leads() const { return leadership_.leads(); }
  std::uint64_t term() const { return lease_.term(); }
  const Leader& leader() const { return leader_; }
  const ClusterManager& cluster() const { return cluster_; }

 private:
  void wire_startz();
  void wire_cluster();
  void wire_archives();
  void wire_own_routes();
  void watch_records();
  void watch_brake(stdx::Instant now);
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

  ports::Runtime& runtime_;
  ports::BlobStore& blob_store_;
  ports::Resources& resources_;
  Options options_;
  rpc::ServiceBus zmesh_, startz_;
  ClusterManager cluster_;
  LeaderLease lease_;
  Leadership leadership_;
  Leader leader_;
  Blobs blobs_;
  LocalReport local_;
  bool asking_startz_ = false;
  std::uint64_t followed_session_ = 0;
  bool led_ = false;
  std::string behind_since_,
      behind_why_;  // of the records, for the events of the next leadership session here
  bool brake_noted_ = false;
  stdx::Instant last_report_{}, last_look_{}, last_check_{};
  ports::Timer tick_timer_, report_timer_;
  // Operators' requests.
  LeaderRoutes routes_;
  TopologyViews topology_views_;
  ClusterViews cluster_views_;
  VersionWriter version_writer_;
  Submitter submitter_;
  ExplainApi explain_api_;
  SubmitApi submit_api_;
  TopologyApi topology_api_;
  VersionsApi versions_api_;
  ClusterApi cluster_api_;
  RecordsApi records_api_;
  EventsApi events_api_;
  TokensApi tokens_api_;
  JoinTokensApi join_tokens_api_;
};

}  // namespace zrms
