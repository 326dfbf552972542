// SPDX-License-Identifier: Apache-2.0
#pragma once

// Puts RecordsGuard between the control plane and its database: makes the lineage of a new
// database, holds registrations while the records are not open, and carries out what opening them
// takes (docs/protocol.md, P15). One loop. At most Membership::members_max registrations are held,
// the newest of each zhost; one more is answered Code::full.

#include <functional>
#include <map>
#include <string>

#include "controlplane/membership.h"
#include "controlplane/records_guard.h"
#include "ports/runtime.h"
#include "ports/store.h"

namespace controlplane {

class RecordsGate {
 public:
  using Done = std::function<void(stdx::Status)>;

  RecordsGate(ports::Runtime& runtime, ports::Store& store, const Membership& membership);

  // Called when the records open or fall behind.
  std::function<void()> on_phase;
  // The store is to be read again now, and not only with the next poll.
  std::function<void()> reread;

  // What a read of the store showed; `records` may be those that changed since the read before.
  void read(const ports::Store::Snapshot& snapshot);
  void committed(std::uint64_t revision) { guard_.committed(revision); }

  // Answers once the zhost may be registered, or why not. Read the store before.
  void admit(const v1::RegisterRequest& request, Done done);

  // True where the store must be read again before anything is concluded from `known`: another
  // control plane may have changed it.
  bool is_news(const v1::RecordsKnown& known) const;
  stdx::Status may_commit(const std::string& leader, const v1::RecordsKnown& known);
  stdx::Status may_commit() const;
  stdx::Status may_take_term(const v1::CasTermRequest& request, const std::string& zhost);
  stdx::Status may_read_term() const;
  void term_taken(const ports::TermRow& row);

  // An operator recovered the records.
  void recovered(const v1::LineageRecord& lineage, std::uint64_t version, std::uint64_t counter,
                 const ports::TermRow& term);

  bool is_open() const { return guard_.is_open(); }
  RecordsGuard::Phase phase() const { return guard_.phase(); }
  std::string detail() const { return guard_.detail(members()); }
  v1::RecordsKnown known() const { return guard_.known(); }
  const v1::LineageRecord& lineage() const { return guard_.lineage(); }
  std::uint64_t lineage_version() const { return lineage_version_; }
  // Of zhosts that asked to register and are not admitted, by id.
  std::vector<v1::Member> refused_members() const;
  // Opens the records where what it waits for has come; called with each poll as well.
  void evaluate();

 private:
  struct Held {
    v1::RegisterRequest request;
    Done done;
  };
  RecordsGuard::Members members() const;
  bool leader_may_renew() const;
  void make_lineage();
  void raise_term(bool step);
  void begin_lineage(bool step);
  void opened(const char* how);
  void phase_changed();
  std::string new_id();
  std::uint64_t random_step();

  ports::Runtime& runtime_;
  ports::Store& store_;
  const Membership& membership_;
  RecordsGuard guard_;
  stdx::Instant started_;
  std::uint64_t lineage_version_ = 0;  // of its row
  ports::TermRow term_;
  bool making_ = false, opening_ = false;
  RecordsGuard::Phase said_ = RecordsGuard::Phase::opening;
  std::map<std::string, Held> held_;
  std::map<std::string, v1::Member> refused_;
  ports::Gauge& open_gauge_;
  ports::Gauge& behind_gauge_;
  ports::Counter& held_refused_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace controlplane
