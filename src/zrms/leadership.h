// SPDX-License-Identifier: Apache-2.0
#pragma once

// What this zrms knows of who leads the cluster: itself, another zhost, or nobody and why. The
// lease and the list of members decide; this class says it, to the other classes and to people.
//
// Not thread-safe: it belongs to the loop of its zrms.

#include <string>

#include "ports/clock.h"
#include "samoza/v1/controlplane.pb.h"
#include "stdx/result.h"
#include "zrms/away.h"
#include "zrms/leader_lease.h"

namespace zrms {

namespace v1 = samoza::v1;

class Leader;

class Leadership {
 public:
  // All of them outlive it.
  Leadership(std::string zhost, const ports::Clock& clock, const LeaderLease& lease,
             const Leader& leader)
      : zhost_(std::move(zhost)), clock_(clock), lease_(lease), leader_(leader) {}

  // The lease is held here.
  bool leads() const { return lease_.leads(clock_.now()); }
  // ... and the records are read: operators' requests can be answered here.
  bool can_answer() const;
  // This zhost is in the list of supers.
  bool is_super() const;
  // The zhost that leads, as far as is known here, if it is another one; else empty.
  std::string other_leader() const;
  std::uint64_t term() const { return lease_.term(); }

  const std::string& zhost() const { return zhost_; }
  const v1::MembersChanged& members() const { return members_; }
  // Gives back those of before.
  v1::MembersChanged set_members(v1::MembersChanged members);

  // What the control plane answered last; empty: it is well.
  void set_control_plane_trouble(std::string trouble);
  // Without its zmesh this zhost knows neither the leader nor the control plane.
  void set_zmesh_away(bool away) { zmesh_away_ = away; }
  const std::string& control_plane_trouble() const { return control_plane_trouble_; }
  // The trouble is that its records are behind or damaged (P15): there will be no leader before an
  // operator mends that.
  bool records_behind() const;
  // Once per tick: notes since when there is no leader.
  void note_time();

  // Why this zrms does not answer as the leader, and what to do.
  stdx::Error not_leading() const;
  // Since when there is no leader and what works meanwhile; empty while there is one.
  std::string away() const { return away_.sentence(); }
  // The same; never empty.
  std::string away_sentence() const;

 private:
  std::string zhost_;
  const ports::Clock& clock_;
  const LeaderLease& lease_;
  const Leader& leader_;
  v1::MembersChanged members_;
  std::string control_plane_trouble_;
  bool zmesh_away_ = true;  // until it is connected the first time
  Away away_;
};

}  // namespace zrms
