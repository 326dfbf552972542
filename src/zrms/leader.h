// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a zrms does while it leads: reads the records at the start of each leadership session,
// plans, writes the plan's rows in one fenced batch at a time, then sends the commands and the
// directory. The rules of docs/protocol.md that are about order are kept here: commands leave only
// for committed rows, a batch of unknown outcome is followed by reading everything again (P7),
// nothing is done past the lease (P6).

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ports/runtime.h"
#include "rpc/service_bus.h"
#include "zrms/archive_gc.h"
#include "zrms/change_queue.h"
#include "zrms/cluster_manager.h"
#include "zrms/commit_log.h"
#include "zrms/directory.h"
#include "zrms/event_writer.h"
#include "zrms/reconciler.h"
#include "zrms/record_loader.h"
#include "zrms/records_reader.h"
#include "zrms/replica_repair.h"

namespace zrms {

class Leader final : private EventWriter::Leader {
 public:
  struct Facts {
    std::string zhost;
    std::vector<v1::Member> members;
  };

  Leader(ports::Runtime& runtime, rpc::ServiceBus& zmesh, ClusterManager& cluster,
         ArchiveGc::Options archives, std::function<bool()> still_leads);

  Facts facts;

  void begin(std::uint64_t term);  // also again, after the lease had lapsed
  void end();
  bool ready() const override { return leading_ && loaded_; }
  // The records here are those of some session: what was known when it ended.
  bool has_read() const { return loaded_term_ != 0; }
  // For a person: why it is not ready.
  const char* why_not_ready() const;
  std::uint64_t term() const override { return term_; }

  // Something may have changed; plans at once, or when what is under way is done.
  void look();
  void zhost_failed(const ClusterManager::Event& event);
  void zrun_ended(const ClusterManager::ZrunEnd& end);
  void zhost_returned(const std::string& zhost);
  void zhost_forgotten(const std::string& zhost);
  void directory_wanted(const std::string& zhost) {
    directory_.forget(zhost);
    look();
  }

  // An operator's change of rows; answers when it is committed (zrms/change_queue.h).
  using Change = ChangeQueue::Change;
  void change(Change make, std::function<void(stdx::Status)> done);

  EventWriter& events() { return events_; }
  const EventWriter& events() const { return events_; }

  const Records& records() const { return records_; }
  // What this zrms knows of the records, also while it leads no more (P15).
  v1::RecordsKnown known() const override;
  const std::map<Records::Key, std::vector<std::string>>& refusals() const {
    return reconciler_.refusals();
  }
  std::vector<Candidate> candidates() const;

 private:
  bool leads() const override { return leading_; }
  bool busy() const override { return busy_; }
  std::uint64_t session() const override { return session_; }
  const std::string& zhost() const override { return facts.zhost; }
  const v1::LineageRecord& lineage() const override { return records_.lineage(); }
  void set_counter(std::uint64_t counter) override { records_.set_counter(counter); }

  void load();
  void load_page();
  void loaded(v1::RecordsReply reply);
  void read_on();
  void free_events();
  void plan();
  void commit(std::vector<RowChange> changes);
  void committed(const std::vector<RowChange>& changes);
  void send(Commands::Places places);
  void send(Commands::Stop stop);
  void not_done(const char* what, const v1::CommandHeader& header, const std::string& why);
  void send_directory();
  void mark(const std::string& zhost, bool dead);
  void repeat_marks();
  std::vector<RowChange> plan_repair();
  void ask_copy(const ReplicaRepair::Copy& copy);
  void collect_archives(stdx::Instant now);
  Reconciler::View view() const;

  ports::Runtime& runtime_;
  rpc::ServiceBus& zmesh_;
  ClusterManager& cluster_;
  std::function<bool()> still_leads_;
  Reconciler reconciler_{Reconciler::Options{}};
  RecoveryManager recovery_;
  ReplicaRepair repair_{ReplicaRepair::Options{}};
  ArchiveGc archive_gc_;
  stdx::Instant looked_at_replicas_{};
  Records records_;
  RecordLoader loader_;
  std::optional<RecordsReader> reader_;  // of what was loaded
  std::optional<EventReader> event_reader_;
  DirectorySender directory_;
  EventWriter events_;
  std::uint64_t term_ = 0;
  std::uint64_t session_ = 0;  // of leadership; answers of a former one are dropped
  std::uint64_t loaded_term_ = 0;
  int refused_ = 0;  // batches, one after the other
  bool went_back_ = false;
  bool leading_ = false, loaded_ = false, loading_ = false, busy_ = false, look_posted_ = false;
  ChangeQueue asked_;
  ports::Timer reload_timer_;
  ports::Counter& batches_;
  ports::Counter& commands_sent_;
  ports::Counter& unreadable_;
  ports::Gauge& leads_;
  ports::Counter& zhosts_failed_;  // of all terms of this process
  CommitLog commit_log_;
};

}  // namespace zrms
