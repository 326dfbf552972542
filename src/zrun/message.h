// SPDX-License-Identifier: Apache-2.0
#pragma once

// One message on its way inside a shard. Shared by the sender's stream, which keeps it until it is
// finished, and the receiver's mailbox; counted without atomics, as a shard is one thread. Freed
// messages keep their buffer and are used again.

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "model/trace_context.h"
#include "stdx/bytes.h"

namespace zrun {

// Not a declared path: the message comes from sys.self_emit.
inline constexpr std::uint16_t self_path = 0xffff;
// Nor here: it comes from outside, to a space that says `ingress: true` (zrun/outside_calls.h).
inline constexpr std::uint16_t outside_path = 0xfffe;

class MessagePool;

struct Message {
  stdx::Bytes payload;
  std::uint64_t seq = 0;
  std::uint64_t sender_epoch = 0;
  std::uint32_t sender_run = 0;
  std::uint16_t path = self_path;
  bool redelivered = false;
  std::uint16_t deliveries = 0;   // that failed here (Space::delivery_failed)
  std::uint64_t dead_letter = 0;  // the letter that this is a retry of; no sender waits for it then
  std::uint64_t call = 0;         // from outside: its number in OutsideCalls; 0: nobody asks for it
  bool http = false;              // from outside: the payload is an HTTP request
  std::uint32_t owners = 0;
  bool traced = false;
  std::int64_t taken_in_ns = 0;  // by the mailbox, on the clock of the scheduler
  MessagePool* pool = nullptr;
  // Of a message that was traced once; kept for the next one that is.
  std::unique_ptr<model::TraceContext> trace_kept;

  // The trace that it belongs to; null: none.
  const model::TraceContext* trace() const { return traced ? trace_kept.get() : nullptr; }
  void set_trace(const model::TraceContext& context) {
    if (trace_kept)
      *trace_kept = context;
    else
      trace_kept = std::make_unique<model::TraceContext>(context);
    traced = true;
  }

  bool is_declared() const { return path < outside_path; }  // of a path of the topology
  bool is_from_outside() const { return path == outside_path; }
};

class MessagePtr {
 public:
  MessagePtr() = default;
  explicit MessagePtr(Message* message) : message_(message) { ++message_->owners; }
  MessagePtr(const MessagePtr& other) : message_(other.message_) {
    if (message_ != nullptr) ++message_->owners;
  }
  MessagePtr(MessagePtr&& other) noexcept : message_(std::exchange(other.message_, nullptr)) {}
  MessagePtr& operator=(MessagePtr other) noexcept {
    std::swap(message_, other.message_);
    return *this;
  }
  ~MessagePtr();

  Message* operator->() const { return message_; }
  Message& operator*() const { return *message_; }
  explicit operator bool() const { return message_ != nullptr; }

 private:
  Message* message_ = nullptr;
};

// Outlives every message of it.
class MessagePool {
 public:
  // Freed messages kept, and the buffer that one may keep.
  static constexpr std::size_t kept_max = 4096;
  static constexpr std::size_t buffer_kept_max = 4096;

  MessagePtr make(stdx::BytesView payload) {
    Message* message = nullptr;
    if (free_.empty()) {
      message = new Message;
      message->pool = this;
    } else {
      message = free_.back().release();
      free_.pop_back();
    }
    message->payload.assign(payload);
    return MessagePtr(message);
  }

 private:
  friend class MessagePtr;
  void give_back(Message* message) {
    std::unique_ptr<Message> owned(message);
    if (free_.size() >= kept_max || owned->payload.capacity() > buffer_kept_max) return;
    owned->path = self_path;
    owned->redelivered = false;
    owned->seq = owned->sender_epoch = 0;
    owned->sender_run = 0;
    owned->deliveries = 0;
    owned->dead_letter = owned->call = 0;
    owned->http = owned->traced = false;
    free_.push_back(std::move(owned));
  }
  std::vector<std::unique_ptr<Message>> free_;
};

inline MessagePtr::~MessagePtr() {
  if (message_ != nullptr && --message_->owners == 0) message_->pool->give_back(message_);
}

}  // namespace zrun
