// SPDX-License-Identifier: Apache-2.0
#pragma once

// What one turn of a transactional space has done so far, and nobody else has seen: its writes and
// its messages (docs/delivery.md, `once`). The guest's own reads see the writes. The Ledger commits
// it; a turn that is dropped has not been.
//
// Pure. Bounds: `data_bytes_max` of writes; who emits checks the bound of the stream with
// `emitted`.

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "ports/data_store.h"
#include "stdx/bytes.h"
#include "zrun/dead_letters.h"
#include "zrun/message.h"
#include "zrun/out_stream.h"

namespace zrun {

class Turn {
 public:
  static constexpr std::size_t data_bytes_max = 16u << 20;
  // What a write costs beside its bytes: a node of the map, two strings. It counts too, or many
  // small keys would take forty times their bytes.
  static constexpr std::size_t write_overhead = 128;

  struct Emit {
    std::uint16_t path;
    MessagePtr message;
  };
  struct SelfEmit {
    MessagePtr message;
    std::int32_t delay_ms;
  };

  // --- data ---
  // False, and nothing taken: the turn would be past data_bytes_max.
  bool write(std::vector<ports::DataWrite> writes);
  // What the turn knows of a key; null: nothing, the store is asked. An empty one was deleted.
  const std::optional<stdx::Bytes>* look(const stdx::Bytes& key) const;
  // `stored`: keys of the store with `prefix` behind `after`, in byte order. Gives the keys as the
  // guest sees them; where the store has more (`complete` is false), up to the last of `stored`.
  std::vector<stdx::Bytes> merged_keys(stdx::BytesView prefix, stdx::BytesView after,
                                       const std::vector<stdx::Bytes>& stored, bool complete) const;

  // --- messages ---
  void emit(std::uint16_t path, MessagePtr message);
  OutStream::Load emitted(std::uint16_t path) const;
  void self_emit(MessagePtr message, std::int32_t delay_ms);

  // The answer to the message from outside that the turn took.
  void answer(stdx::Bytes answer) { answer_ = std::move(answer); }
  const std::optional<stdx::Bytes>& answer() const { return answer_; }

  // The turn takes a message off its path because it can't be handled.
  void record_dead_letter(DeadLetter letter) { dead_letters_.push_back(std::move(letter)); }
  const std::vector<DeadLetter>& dead_letters() const { return dead_letters_; }
  std::vector<DeadLetter>& dead_letters() { return dead_letters_; }

  bool empty() const {
    return writes_.empty() && emits_.empty() && self_emits_.empty() && dead_letters_.empty() &&
           !answer_;
  }
  const std::map<stdx::Bytes, std::optional<stdx::Bytes>>& writes() const { return writes_; }
  const std::vector<Emit>& emits() const { return emits_; }
  const std::vector<SelfEmit>& self_emits() const { return self_emits_; }
  // Bytes of self_emits that go into the mailbox.
  std::size_t self_emit_bytes() const { return self_emit_bytes_; }

 private:
  std::map<stdx::Bytes, std::optional<stdx::Bytes>> writes_;
  std::size_t data_bytes_ = 0;
  std::vector<Emit> emits_;
  std::map<std::uint16_t, OutStream::Load> emitted_;
  std::vector<SelfEmit> self_emits_;
  std::vector<DeadLetter> dead_letters_;
  std::optional<stdx::Bytes> answer_;
  std::size_t self_emit_bytes_ = 0;
};

}  // namespace zrun
