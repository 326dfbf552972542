// SPDX-License-Identifier: Apache-2.0
#pragma once

// What every kind of link shares: it is started once, its send queue is bounded, its handlers are
// called by the rules of ports::Link. A kind of link says how to read, write and close. Internal to
// this folder; used on the loop only.
//
// It is kept by what is under way (shared_from_this); its owner holds a CoreLink, whose end
// detaches it: no handler is called any more, and what was queued goes out first.

#include <functional>
#include <memory>
#include <string>

#include "ports/transport.h"

namespace adapters::net {

class LinkCore : public std::enable_shared_from_this<LinkCore> {
 public:
  // `header_bytes`: what a frame takes in the queue beside itself.
  LinkCore(std::string peer, std::size_t header_bytes, ports::Identity identity = {})
      : peer_(std::move(peer)), header_bytes_(header_bytes), identity_(std::move(identity)) {}
  virtual ~LinkCore() = default;

  void start(ports::LinkHandlers handlers);
  void send(stdx::Bytes frame, ports::Urgency urgency);
  void detach();
  std::size_t queued_bytes() const { return queued_bytes_; }
  const std::string& peer() const { return peer_; }
  const ports::Identity& identity() const { return identity_; }

 protected:
  virtual void read() = 0;
  virtual void queue(stdx::Bytes frame, ports::Urgency urgency) = 0;
  // Something is queued and no write is under way; answers with `written`.
  virtual void write() = 0;
  // The owner is gone while a write is under way.
  virtual void linger() {}
  virtual void end() = 0;  // in order: nothing is queued
  virtual void cut() = 0;  // at once
  virtual void post(std::function<void()> task) = 0;

  bool over() const { return broken_ || detached_; }
  // Of a link that learns of its other side before it is started.
  void set_identity(ports::Identity identity) { identity_ = std::move(identity); }
  // False when the link ended meanwhile.
  bool hand_out(stdx::Bytes frame);
  void written(std::size_t bytes);
  void fail(stdx::Error why);

 private:
  void close();

  std::string peer_;
  std::size_t header_bytes_;
  ports::Identity identity_;
  // Shared, as a handler may destroy the link while it runs.
  std::shared_ptr<const ports::LinkHandlers> handlers_ =
      std::make_shared<const ports::LinkHandlers>();
  std::size_t queued_bytes_ = 0;  // with what is being written
  bool started_ = false, writing_ = false, broken_ = false, detached_ = false;
  bool was_above_ = false;  // handlers_->writable_below
};

class CoreLink final : public ports::Link {
 public:
  explicit CoreLink(std::shared_ptr<LinkCore> core) : core_(std::move(core)) {}
  ~CoreLink() override { core_->detach(); }
  void start(ports::LinkHandlers handlers) override { core_->start(std::move(handlers)); }
  void send(stdx::Bytes frame, ports::Urgency urgency) override {
    core_->send(std::move(frame), urgency);
  }
  std::size_t queued_bytes() const override { return core_->queued_bytes(); }
  std::string peer() const override { return core_->peer(); }
  ports::Identity identity() const override { return core_->identity(); }

 private:
  std::shared_ptr<LinkCore> core_;
};

}  // namespace adapters::net
