// SPDX-License-Identifier: Apache-2.0
#pragma once

// Writes the cluster's events while this zrms leads: noted as rows are committed and zhosts judged,
// written half a second later in a batch of their own that no plan waits for, and told to the
// supers for when nobody leads.

#include <functional>
#include <string>
#include <vector>

#include "ports/runtime.h"
#include "rpc/service_bus.h"
#include "zrms/event_log.h"

namespace zrms {

class EventWriter {
 public:
  // What it needs to know of the leader, which owns it.
  class Leader {
   public:
    virtual bool leads() const = 0;
    virtual bool ready() const = 0;  // the records are read
    virtual bool busy() const = 0;   // a batch is under way
    virtual std::uint64_t term() const = 0;
    virtual std::uint64_t session() const = 0;  // answers of a former one are dropped
    virtual const std::string& zhost() const = 0;
    virtual const v1::LineageRecord& lineage() const = 0;
    virtual v1::RecordsKnown known() const = 0;
    virtual void set_counter(std::uint64_t counter) = 0;

   protected:
    ~Leader() = default;
  };

  EventWriter(ports::Runtime& runtime, rpc::ServiceBus& zmesh, Leader& leader);

  // Something happened that people are told of; without effect where this zrms does not lead.
  void note(v1::Event event);
  void note_zhost(const char* what, const std::string& zhost, const std::string& why = "");
  // The records were behind or damaged since then: told once they are read again.
  void records_were_behind(std::string since, std::string why) {
    behind_since_ = std::move(since);
    behind_why_ = std::move(why);
  }
  void begin(std::uint64_t term) { events_.begin(term); }
  // The records are read: tells that the leader changed, and what was not written before.
  void session_began();
  void end();

  EventLog& log() { return events_; }
  const EventLog& log() const { return events_; }
  // The supers hear of each event that was written.
  std::function<std::vector<std::string>()> supers;

 private:
  void note_records();
  void write_soon();
  void send();
  void answered(const stdx::Result<v1::CommitReply>& reply);

  ports::Runtime& runtime_;
  rpc::ServiceBus& zmesh_;
  Leader& leader_;
  EventLog events_{EventLog::Options{}};
  int waited_ = 0;                // for plans
  std::uint64_t noted_term_ = 0;  // its beginning is told
  std::string behind_since_, behind_why_;
  ports::Timer timer_;
  ports::Counter& dropped_;
};

}  // namespace zrms
