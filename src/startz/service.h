// SPDX-License-Identifier: Apache-2.0
#pragma once

// startz: the zhost's init, pulse and gatekeeper. Keeps the children alive, sends and hears beats
// (beats.h), lets commands through to zrun that the rules allow (P3, P4), and restarts zrun's
// spaces in place when zrun comes back within restart_grace. It decides nothing for the cluster.
// P12 (no orphan of an older incarnation) is the application's lock file.
//
// One loop. Children reach it over the hub "startz". Errors: start() fails when the hub's socket or
// the beat port cannot be had.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "ports/cluster_key.h"
#include "ports/processes.h"
#include "ports/runtime.h"
#include "ports/transport.h"
#include "rpc/hub.h"
#include "rpc/service_bus.h"
#include "samoza/v1/controlplane.pb.h"
#include "startz/beats.h"
#include "startz/children.h"
#include "startz/gatekeeper.h"
#include "startz/records_seen.h"
#include "startz/zrun_commands.h"
#include "wire/revoked_tokens.h"

namespace startz {

struct Options {
  std::string cluster_id, zhost, version;
  std::uint64_t incarnation = 1;
  // Where this zhost's datagrams come from and go to (tcp kind: ip, port), one port.
  std::vector<ports::Endpoint> beats;
  Children::Options children;
  stdx::Duration beat_interval = std::chrono::milliseconds(100);
  stdx::Duration restart_grace = std::chrono::seconds(1);
  stdx::Duration ping_interval = std::chrono::seconds(1);
  int pings_missed_max = 5;                         // then the child is hung, and killed
  std::size_t spaces_max = Gatekeeper::floors_max;  // zrun.limits.spaces
  // What startz.metrics answers: it has no HTTP interface of its own, zbase shows it.
  std::function<std::string()> metrics_text;
  // Once: every service is linked, and the control plane has registered this zhost.
  std::function<void()> on_ready;
  // What was kept of the records (P15), and where it is kept: called at most once per second.
  v1::RecordsKnown records;
  std::function<void(const v1::RecordsKnown&)> keep_records;
  // The access tokens that were revoked, when there is a new one: for the next start of this zhost.
  std::function<void(const wire::RevokedTokens&)> keep_revoked;
  wire::RevokedTokens revoked;  // as they were kept
  // A child that has not said hello yet may have a long start (a data file with a long log): its
  // pings count only after this.
  stdx::Duration first_hello_max = std::chrono::seconds(60);
};

class Service {
 public:
  Service(ports::Runtime& runtime, ports::Transport& transport, ports::Processes& processes,
          ports::ClusterKey& key, Options options);
  ~Service();

  stdx::Status start();
  // Goodbye beat, then the children end in order; `done` when the last is gone.
  void stop(std::function<void()> done);

  const Gatekeeper& gatekeeper() const { return gatekeeper_; }
  const Children& children() const { return children_; }
  const v1::MembersChanged& membership() const { return membership_; }
  rpc::Hub& hub() { return hub_; }

 private:
  void wire_beats();
  void wire_handlers();
  void wire_commands(rpc::RpcEndpoint& endpoint);
  void wire_records(rpc::RpcEndpoint& endpoint);
  void membership(v1::MembersChanged now);
  void look_ready();
  void keep_records();
  v1::CommandReply place(const v1::PlaceCommand& command, const std::string& topology);
  void note(const v1::CommandHeader& header, const v1::CommandReply& reply);
  void child_started(const Children::Child& child);
  void child_ended(const Children::Child& child);
  void zrun_connected();
  void zrun_is_down();
  void ping_children();
  v1::Beat make_beat(bool goodbye);
  void changed();  // of the children
  void changed(const Gatekeeper::Key& key);
  void changed_all();
  void publish_changes();
  v1::ChildState state_of(const Children::Child& child) const;
  void fill_children(google::protobuf::RepeatedPtrField<v1::ChildStatus>& out) const;
  v1::Snapshot snapshot(bool children_only);

  ports::Runtime& runtime_;
  Options options_;
  rpc::Hub hub_;
  rpc::ServiceBus zmesh_;  // commands of a leader on another zhost come this way
  Children children_;
  Gatekeeper gatekeeper_;
  RecordsSeen records_;
  wire::RevokedTokens revoked_;
  v1::MembersChanged membership_;
  Beats beats_;
  ZrunCommands zrun_commands_;
  std::uint64_t counter_ = 0;
  bool ready_ = false;
  bool stopping_ = false;
  bool zrun_down_ = false;  // restart_grace ended; until zrun connects again
  // What startz.changed has to say: those spaces, or everything.
  std::set<Gatekeeper::Key> changed_;
  bool all_changed_ = true;
  std::uint64_t changes_told_ = 0;
  std::map<std::string, int> pings_missed_;
  ports::Timer grace_timer_, ping_timer_, keep_timer_, change_timer_;
};

}  // namespace startz
