// SPDX-License-Identifier: Apache-2.0
#pragma once

// The pulse of a zhost: beats to the startz of every super, sealed with a key of the cluster
// (sealed_beat.h), and those of others, checked. A beat that is not known to be fresh is answered
// with a challenge (fresh_beats.h). That nothing listens at any address of a zhost is told on
// (refusals.h). A zhost whose datagrams do not come is asked for a beat over the mesh, where its
// certificate says who answers: so a network that blocks UDP, or one where two zhosts reach each
// other through a third one only, makes nobody look dead. What it hears is counted where it is
// dropped, and never logged one by one: anybody can send datagrams.
//
// One loop. `members` is the owner's list and outlives this; set_members() says that it changed.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ports/cluster_key.h"
#include "ports/runtime.h"
#include "ports/transport.h"
#include "samoza/v1/cluster.pb.h"
#include "samoza/v1/controlplane.pb.h"
#include "startz/fresh_beats.h"
#include "startz/refusals.h"

namespace startz {

namespace v1 = samoza::v1;

class Beats {
 public:
  // A question over the mesh may go into a link that is cut; the next one does not wait for it.
  static constexpr stdx::Duration ask_every = std::chrono::milliseconds(400);

  struct Options {
    std::string cluster_id, zhost;
    std::vector<ports::Endpoint> from;  // where datagrams come from and go to; one port
    stdx::Duration interval{};          // zero: none but the last ones
  };

  Beats(ports::Runtime& runtime, ports::Transport& transport, ports::ClusterKey& key,
        const v1::MembersChanged& members, Options options);

  // The next beat of this zhost, with a counter above all before.
  std::function<v1::Beat(bool goodbye)> make;
  // Asks the startz of a zhost for a beat over the mesh (startz.beat_wanted); may be empty.
  using BeatReply = std::function<void(stdx::Result<v1::Beat>)>;
  std::function<void(const std::string& zhost, BeatReply done)> ask_over_mesh;
  // A beat for the zrms of this zhost: a fresh one of another zhost, or its own where it is a
  // super.
  std::function<void(const stdx::Bytes& beat)> on_beat;
  // Every address of the zhost refused a datagram.
  std::function<void(const v1::Refused& word)> on_refused;

  // The port cannot be had: an error.
  stdx::Status bind();
  // Requires `bind`; from now on, every interval.
  void begin();
  // The last ones. Three: datagrams get lost, and nobody repeats them.
  void say_goodbye();
  void set_members();
  // Whether a silent zhost is gone or only unheard: a beat to where its startz would be listening,
  // and a question over the mesh.
  void probe(const std::string& zhost);

 private:
  void beat(bool goodbye);
  void send_to(const std::string& zhost, const stdx::Bytes& datagram);
  void datagram(std::size_t socket, const ports::Endpoint& from, const stdx::Bytes& bytes);
  void refused(const ports::Endpoint& to);
  void answered_over_mesh(const std::string& zhost, stdx::Result<v1::Beat> beat);
  std::optional<std::size_t> socket_for(const std::string& ip) const;
  std::vector<std::string> dialled_of(const v1::Member& member) const;
  std::optional<stdx::Bytes> sealed(const stdx::Bytes& beat);

  ports::Runtime& runtime_;
  ports::Transport& transport_;
  ports::ClusterKey& key_;
  const v1::MembersChanged& members_;
  Options options_;
  FreshBeats fresh_;
  Refusals refusals_;
  std::vector<std::unique_ptr<ports::DatagramSocket>> sockets_;  // as options_.from
  ports::Timer timer_;
  std::string no_key_;  // why beats cannot be sealed; empty while they are
  ports::Counter& foreign_datagrams_;
  ports::Counter& forged_datagrams_;
  ports::Counter& stale_beats_;
  ports::Counter& mesh_beats_;
  std::map<std::string, stdx::Instant> asked_;  // over the mesh, when last; members only
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace startz
