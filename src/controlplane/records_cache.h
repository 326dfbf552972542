// SPDX-License-Identifier: Apache-2.0
#pragma once

// What this control plane has read of the records: keeps Membership, the authority's rows, the term
// and the revoked access tokens as they were at the last read of the store, and knows whether the
// store can be read and written. Another control plane of the same database may have changed it, so
// whoever concludes from the records calls refresh() first.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "controlplane/authority.h"
#include "controlplane/membership.h"
#include "controlplane/records_gate.h"
#include "ports/runtime.h"
#include "ports/store.h"

namespace controlplane {

class RecordsCache {
 public:
  using Refreshed = std::function<void(stdx::Status)>;

  RecordsCache(ports::Runtime& runtime, ports::Store& store, Authority& authority,
               Membership& membership, RecordsGate& gate)
      : runtime_(runtime),
        store_(store),
        authority_(authority),
        membership_(membership),
        gate_(gate) {}

  // What the authority trusts changed: it is to be used anew.
  std::function<void()> on_trust_changed;
  // Links may be up whose certificate is not good any more.
  std::function<void()> on_keys_changed;
  // Access tokens that were revoked (wire/revoked_tokens.h), where one of them is news.
  std::function<void(std::vector<std::string>)> on_revoked;

  // Reads what changed since the last read.
  void refresh(Refreshed done);
  // Reads where a caller knows more of the records than this control plane has read.
  void refresh_if_news(const v1::RecordsKnown& known, Refreshed done);

  // A record of a kind that the control plane alone writes. False: it is of another kind.
  bool learn_own(const ports::Record& record);
  // Changes of such kinds that were committed.
  void learn_written(const std::vector<ports::RecordChange>& changes);

  const ports::TermRow& term() const { return term_; }
  void term_taken(const ports::TermRow& row) {
    if (row.version > term_.version) term_ = row;
  }
  // Access tokens and keys that are good for nothing any more, for MembersChanged.
  std::vector<std::string> revoked_tokens() const;

  // The store refused a write: the error for the one who asked. If the database itself refused, say
  // because the disk is full, nothing was changed, and it works again by itself once there is room.
  stdx::Error write_failed(stdx::Error error);
  void write_succeeded();

  bool was_read() const { return revision_ != 0; }
  // The database is damaged, and read_trouble() says what to do.
  bool is_damaged() const { return damaged_; }
  const std::string& read_trouble() const { return read_trouble_; }
  // Why the store cannot be read or written; empty: it can.
  const std::string& trouble() const {
    return read_trouble_.empty() ? write_trouble_ : read_trouble_;
  }

 private:
  void take(const ports::Store::Snapshot& snapshot);
  void forget_own(const std::string& kind, const std::string& key);
  void forget_unnamed(const ports::Store::Snapshot& snapshot);
  void learn_tokens(const ports::Store::Snapshot& snapshot);

  ports::Runtime& runtime_;
  ports::Store& store_;
  Authority& authority_;
  Membership& membership_;
  RecordsGate& gate_;
  ports::TermRow term_;
  std::uint64_t revision_ = 0;
  std::map<std::string, std::uint64_t> revoked_;  // access tokens: id -> when they expire
  std::string read_trouble_ = "not read yet";
  bool damaged_ = false;
  std::string write_trouble_;  // why the database refused the last write; empty: it did not
};

}  // namespace controlplane
