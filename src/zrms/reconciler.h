// SPDX-License-Identifier: Apache-2.0
#pragma once

// Moves what is observed towards what is desired (design section 4, Reconciling). `plan` looks at
// the records, at what zhosts said, and at who lives, and gives the rows to write and the commands
// to send. It changes nothing itself: rows are written first; a command is only planned for what
// the records already say, so it leaves after its batch was committed. Every command may be sent
// twice. A bounded number of them is under way (zrms/command_window.h); the rest is planned when
// answers come.
//
// Recovery: a space whose zhost failed is placed anew elsewhere with the next epoch; one whose data
// lies on that zhost waits for it, and the topology says so.
//
// Topologies are in reconciler.cc, what becomes of one space that is to run in settle_space.cc.
//
// Pure. Rules P3, P4, P8, P13 of docs/protocol.md.

#include <map>
#include <string>
#include <vector>

#include "samoza/v1/cluster.pb.h"
#include "zrms/cluster_manager.h"
#include "zrms/command_window.h"
#include "zrms/placement.h"
#include "zrms/records.h"
#include "zrms/recovery_manager.h"

namespace zrms {

struct Commands {
  template <typename Command>
  struct Sent {
    Command command;
    std::size_t bytes = 0;  // for Reconciler::answered
  };
  std::vector<Sent<v1::PlaceCommand>> places;
  std::vector<Sent<v1::StopCommand>> stops;
};

struct Plan {
  std::vector<RowChange> changes;
  Commands commands;
  // Why a space has no zhost, by (topology, space).
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> refusals;
};

class Reconciler {
 public:
  struct Options {
    // A place that was sent and not yet seen in a report is sent again after this.
    stdx::Duration repeat_after = std::chrono::milliseconds(300);
    // A space that failed on its zhost is placed anew after this, doubling to a minute.
    stdx::Duration failed_back_off = std::chrono::seconds(1);
    std::size_t changes_max = 1000;
  };
  explicit Reconciler(Options options) : options_(options) {}

  struct View {
    const Records& records;
    const ClusterManager& cluster;
    const RecoveryManager& recovery;
    const std::vector<v1::Member>& members;
    std::uint64_t term;
    std::string now_text;  // RFC 3339, for the records
  };
  Plan plan(const View& view, stdx::Instant now);
  // Nothing that was sent before counts: a new reign.
  void reset();
  // A planned command was answered or given up. True where others wait for the room.
  bool answered(const std::string& zhost, std::size_t bytes);
  std::size_t remembered() const { return sent_.size() + failed_since_.size(); }

  // The candidates for placing, from members and what they said.
  static std::vector<Candidate> candidates(const View& view);

 private:
  using Key = Records::Key;
  struct Work;

  void plan_running(Work& work, const TopologyRow& topology);
  void plan_stopping(Work& work, const TopologyRow& topology);
  void plan_older_copies(Work& work);
  bool settle_space(Work& work, const TopologyRow& topology, const model::Space& space,
                    std::map<std::string, std::string>& placed);
  bool place_anew(Work& work, const TopologyRow& topology, const model::Space& space,
                  const SpaceRow* row, std::map<std::string, std::string>& placed,
                  const std::string& avoid, const std::string& why);
  void wait_for_data(Work& work, const SpaceRow& row, const std::string& why);
  void note_running(Work& work, const SpaceRow& row, bool has_data);
  void send_place(Work& work, const TopologyRow& topology, const SpaceRow& row);
  void send_stop(Work& work, const v1::SpaceRecord& record, const std::string& zhost,
                 std::uint64_t incarnation, std::uint64_t epoch, bool remove_data,
                 const std::string& why);
  // Whether that command leaves now; it is counted as sent then.
  bool leaves(const std::string& what, const std::string& zhost, std::size_t bytes,
              stdx::Instant now);
  void forget_old(const View& view, stdx::Instant now);

  Options options_;
  std::map<std::string, stdx::Instant> sent_;  // command -> when, within repeat_after
  CommandWindow window_;
  bool held_back_ = false;                     // by the window
  std::map<Key, stdx::Instant> failed_since_;  // of the present epoch
};

}  // namespace zrms
