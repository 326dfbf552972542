// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a zrms does while it leads: reads the records at the start of each reign, plans, writes the
// plan's rows in one fenced batch at a time, then sends the commands and the directory. The rules
// of docs/protocol.md that are about order are kept here: commands leave only for committed rows, a
// batch of unknown outcome is followed by reading everything again (P7), nothing is done past the
// lease (P6).

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ports/runtime.h"
#include "rpc/service_bus.h"
#include "zrms/archive_sweeper.h"
#include "zrms/cluster_manager.h"
#include "zrms/directory.h"
#include "zrms/event_log.h"
#include "zrms/holder_keeper.h"
#include "zrms/reconciler.h"
#include "zrms/record_loader.h"
#include "zrms/records_reader.h"

namespace zrms {

class Leader {
 public:
  struct Facts {
    std::string zhost;
    std::vector<v1::Member> members;
  };

  Leader(ports::Runtime& runtime, rpc::ServiceBus& zmesh, ClusterManager& cluster,
         ArchiveSweeper::Options archives, std::function<bool()> still_leads);

  Facts facts;

  void begin(std::uint64_t term);  // also again, after the lease had lapsed
  void end();
  bool ready() const { return reigning_ && loaded_; }
  // The records here are those of some reign: what was known when it ended.
  bool has_read() const { return loaded_term_ != 0; }
  // For a person: why it is not ready.
  const char* why_not_ready() const;
  std::uint64_t term() const { return term_; }

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

  // An operator's change of rows; answers when it is committed. `make` is called when its batch is
  // next, with the rows as they are then: batches go one after the other, so no version is old.
  // What it refuses is the answer; an empty change is done already.
  using Change = std::function<stdx::Result<std::vector<RowChange>>(const Records&)>;
  void change(Change make, std::function<void(stdx::Status)> done);

  // Something happened that people are told of; without effect where this zrms does not lead.
  void note(v1::Event event);
  void note_zhost(const char* what, const std::string& zhost, const std::string& why = "");
  // The records were behind or damaged since then: told once they are read again.
  void records_were_behind(std::string since, std::string why) {
    behind_since_ = std::move(since);
    behind_why_ = std::move(why);
  }
  EventLog& events() { return events_; }
  const EventLog& events() const { return events_; }

  const Records& records() const { return records_; }
  // What this zrms knows of the records, also while it leads no more (P15).
  v1::RecordsKnown known() const;
  const std::map<Records::Key, std::vector<std::string>>& refusals() const {
    return reconciler_.refusals();
  }
  std::vector<Candidate> candidates() const;
  // The supers, which hear of each event that was written, for when nobody leads.
  std::function<std::vector<std::string>()> supers;

 private:
  void load();
  void load_page();
  void loaded(v1::RecordsReply reply);
  void read_on();
  void free_events();
  void plan();
  bool serve_asked(std::vector<RowChange>& changes);
  void commit(std::vector<RowChange> changes);
  void committed(const std::vector<RowChange>& changes);
  void send(Commands::Places places);
  void send(Commands::Stop stop);
  void not_done(const char* what, const v1::CommandHeader& header, const std::string& why);
  void send_directory();
  void mark(const std::string& zhost, bool dead);
  void repeat_marks();
  std::vector<RowChange> look_at_holders();
  void ask_copy(const HolderKeeper::Copy& copy);
  void sweep_archives(stdx::Instant now);
  Reconciler::View view() const;
  void note_reign();
  void note_records();
  void write_events();
  void send_events();
  void events_answered(const stdx::Result<v1::CommitReply>& reply);

  ports::Runtime& runtime_;
  rpc::ServiceBus& zmesh_;
  ClusterManager& cluster_;
  std::function<bool()> still_leads_;
  Reconciler reconciler_{Reconciler::Options{}};
  RecoveryManager recovery_;
  HolderKeeper holders_{HolderKeeper::Options{}};
  ArchiveSweeper sweeper_;
  stdx::Instant looked_at_holders_{};
  Records records_;
  RecordLoader loader_;
  std::optional<RecordsReader> reader_;  // of what was loaded
  std::optional<EventReader> event_reader_;
  DirectorySender directory_;
  EventLog events_{EventLog::Options{}};
  int events_waited_ = 0;         // for plans
  std::uint64_t noted_term_ = 0;  // its beginning is told
  std::string behind_since_, behind_why_;
  std::uint64_t term_ = 0;
  std::uint64_t reign_ = 0;  // answers of a former reign are dropped
  std::uint64_t loaded_term_ = 0;
  int refused_ = 0;  // batches, one after the other
  bool went_back_ = false;
  bool reigning_ = false, loaded_ = false, loading_ = false, busy_ = false, look_posted_ = false;
  struct Asked {
    Change make;
    std::function<void(stdx::Status)> done;
  };
  static constexpr std::size_t asked_max = 1000;
  std::deque<Asked> asked_;
  std::vector<std::function<void(stdx::Status)>> answers_;  // of the batch under way
  ports::Timer reload_timer_, events_timer_;
  ports::Counter& batches_;
  ports::Counter& commands_sent_;
  ports::Counter& unreadable_;
  ports::Gauge& leads_;
  // Verdicts, and topologies that came into that state, of all terms of this process.
  ports::Counter& events_dropped_;
  ports::Counter &zhosts_failed_, &topologies_degraded_, &topologies_failed_;
};

}  // namespace zrms
