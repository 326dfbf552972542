// SPDX-License-Identifier: Apache-2.0
#pragma once

// Moves what is observed towards what is desired (ARCHITECTURE.md, Life of a failure). `plan` looks
// at the records, at what zhosts said, and at who lives, and gives the rows to write and the
// commands to send. It changes nothing itself: rows are written first; a command is only planned
// for what the records already say, so it leaves after its batch was committed. Every command may
// be sent twice. A bounded number of them is under way (zrms/command_window.h); the rest is planned
// when answers come.
//
// A plan looks only at spaces of which something changed (rows, reports, the zhost they are on),
// and each sweep_every at those that are not as they should be. It ends after looks_max spaces or
// changes_max rows and says that there is more: the next plan goes on there. So its time does not
// grow with the cluster, and neither does what one change costs.
//
// Recovery: a space whose zhost failed is placed anew elsewhere with the next epoch; one whose data
// lies on that zhost waits for it, and the topology says so.
//
// Updates: where a new version of a topology says that a space is another one, it is placed anew
// with the next epoch, a few at a time (zrms/rollout.h).
//
// Topologies are in reconciler.cc, what becomes of one space in settle_space.cc, updates in
// roll_update.cc.
//
// Pure. Rules P3, P4, P8, P13 of docs/protocol.md.

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "samoza/v1/cluster.pb.h"
#include "zrms/cluster_manager.h"
#include "zrms/command_window.h"
#include "zrms/placement.h"
#include "zrms/records.h"
#include "zrms/recovery_manager.h"
#include "zrms/rollout.h"

namespace zrms {

struct Commands {
  // Spaces of one topology for one zhost.
  struct Places {
    std::string zhost;
    v1::PlaceBatch batch;
    std::size_t bytes = 0;  // for Reconciler::answered, as is `names`
    std::vector<std::string> names;
  };
  struct Stop {
    v1::StopCommand command;
    std::size_t bytes = 0;
    std::vector<std::string> names;
  };
  std::vector<Places> places;
  std::vector<Stop> stops;
};

struct Plan {
  std::vector<RowChange> changes;
  Commands commands;
  bool more = false;  // the next plan has something to look at already
};

class Reconciler {
 public:
  struct Options {
    // A place that was answered and not yet seen in a report is sent again after this.
    stdx::Duration repeat_after = std::chrono::milliseconds(300);
    // A space that failed on its zhost is placed anew after this, doubling to a minute with each
    // time that it failed within failures_count_for.
    stdx::Duration failed_back_off = std::chrono::seconds(1);
    stdx::Duration failures_count_for = std::chrono::minutes(10);
    // What is not settled is looked at again after this.
    stdx::Duration sweep_every = std::chrono::milliseconds(240);
    // A topology whose state stays tells a new reason for it at most this often: its row is large.
    stdx::Duration reason_every = std::chrono::milliseconds(500);
    std::size_t changes_max = 1000;
    std::size_t looks_max = 1200;
    std::size_t batch_max = 128;  // spaces in one place command
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
  // A row of the last plan that found no place in its batch is planned again with the next.
  void look_again(const RowChange& change);
  // Nothing that was sent before counts: a new leadership session.
  void reset() { *this = Reconciler(options_); }
  // A planned command was answered or given up. True where others wait for the room.
  bool answered(const std::string& zhost, std::size_t bytes, const std::vector<std::string>& names,
                stdx::Instant now);
  std::size_t remembered() const { return sent_.size() + failures_.size(); }
  // Why a space has no zhost, by (topology, space).
  const std::map<Records::Key, std::vector<std::string>>& refusals() const { return refusals_; }
  // Spaces, candidates and neighbours that were looked at, for tests of growth.
  std::uint64_t looks() const { return looks_; }

  // The candidates for placing, from members and what they said.
  static std::vector<Candidate> candidates(const View& view);

 private:
  using Key = Records::Key;
  using Index = std::uint32_t;
  struct Work;
  // What is known of the spaces of a topology, by index.
  struct Progress {
    std::set<Index> hot;                 // something changed: look
    std::set<Index> open;                // to be looked at with each sweep
    std::set<Index> down;                // do not run, or where they are to end are not gone
    std::map<Index, std::string> waits;  // for their data, and where that is
    std::map<Index, std::string> moved;  // placed in this plan's rows, not yet in the records
    stdx::Instant reason_at{};           // the row's reason was last changed
    std::uint64_t version = 0;           // of the topology, to which the indices belong
    Rollout rollout;
  };
  // What decides about the spaces of a zhost, other than its reports.
  struct Standing {
    std::uint64_t member = 0, incarnation = 0;
    ClusterManager::Life life = ClusterManager::Life::unknown;
    bool heard = false, reported = false, zrun_down = false, unavailable = false;
    bool operator==(const Standing&) const = default;
  };
  struct Failures {
    std::uint64_t epoch = 0;
    stdx::Instant since{};  // of the epoch's failure
    std::deque<stdx::Instant> before;
  };
  struct Sent {
    stdx::Instant at{};
    bool under_way = true;
  };

  void take_news(const View& view, stdx::Instant now);
  void mark(const View& view, const Key& key);
  void mark_all(const View& view, const TopologyRow& topology);
  void mark_zhosts(const View& view);
  void sweep(const View& view, stdx::Instant now);
  void look_at_topology(Work& work, const TopologyRow& topology, Progress& progress);
  void look_at(Work& work, const TopologyRow& topology, Progress& progress, Index index);
  void judge_running(Work& work, const TopologyRow& topology, Progress& progress);
  void judge_stopping(Work& work, const TopologyRow& topology, const Progress& progress);
  bool stop_older_copies(Work& work, const SpaceRow& row);
  void stop_rowless(Work& work);
  bool settle_space(Work& work, const TopologyRow& topology, Progress& progress, Index index);
  bool settle_present(Work& work, const TopologyRow& topology, Progress& progress, Index index,
                      const SpaceRow& row, const v1::SpaceReport& seen);
  bool settle_stopping(Work& work, const TopologyRow& topology, const SpaceRow* row);
  bool settle_removed(Work& work, Progress& progress, Index index, const SpaceRow* row);
  bool settle_older(Work& work, const TopologyRow& topology, Progress& progress, Index index,
                    bool runs);
  void try_out(Work& work, const TopologyRow& topology, Progress& progress, Index index,
               const SpaceRow& row, const v1::SpaceReport& seen);
  // True where the row of the topology is in the plan.
  bool roll(Work& work, const TopologyRow& topology, Progress& progress);
  bool roll_back(Work& work, const TopologyRow& topology, const std::string& why);
  void replace(Work& work, const TopologyRow& topology, Progress& progress, Index index);
  // How an instance ends (v1::StopCommand).
  struct Ending {
    std::string why;
    bool remove_data = false, topology_ends = false;
  };
  bool held_there(Work& work, const SpaceRow& row, const Ending& ending);
  bool place_anew(Work& work, const TopologyRow& topology, Progress& progress, Index index,
                  const std::string& avoid, const std::string& why, bool failed = false);
  static void note_failure(const Work& work, std::uint64_t version, const std::string& why,
                           v1::SpaceRecord& row);
  v1::SpaceRecord next_placement(Work& work, const TopologyRow& topology, Index index,
                                 const std::string& zhost, const std::string& why) const;
  void wait_for_data(Work& work, Progress& progress, Index index, const SpaceRow& row,
                     const std::string& why);
  bool settle_failed(Work& work, const TopologyRow& topology, Progress& progress, Index index,
                     const SpaceRow& row, const std::string& detail);
  void note_running(Work& work, const SpaceRow& row, bool has_data);
  void send_place(Work& work, const TopologyRow& topology, Index index, const SpaceRow& row);
  void send_stop(Work& work, const v1::SpaceRecord& record, const std::string& zhost,
                 std::uint64_t incarnation, std::uint64_t epoch, const Ending& ending);
  bool sent_lately(const std::string& what, stdx::Instant now) const;
  void hold_back(const std::string& zhost, const std::string& topology, Index index);

  Options options_;
  std::map<std::string, Progress> progress_;
  std::set<std::pair<std::string, std::string>> again_;  // planned, and not in the batch
  std::set<std::string> hot_;  // topologies of which something is to be looked at
  std::string last_;           // the topology that was looked at last: each has its turn
  ChangeLog::Place rows_read_ = 0, reports_read_ = 0;
  std::map<std::string, Standing> standings_;
  stdx::Instant swept_at_{};
  bool ever_swept_ = false;
  std::map<Key, std::vector<std::string>> refusals_;
  std::map<std::string, Sent> sent_;  // command -> when, within repeat_after of its answer
  CommandWindow window_;
  // By zhost: what found no room in the window.
  std::map<std::string, std::deque<std::pair<std::string, Index>>> held_back_;
  std::map<Key, Failures> failures_;
  std::uint64_t looks_ = 0;
};

}  // namespace zrms
