// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/link_core.h"

#include "stdx/assert.h"
#include "stdx/text.h"

namespace adapters::net {

using ports::Link;
using stdx::Code;

void LinkCore::start(ports::LinkHandlers handlers) {
  ASSERT(!started_, "a link is started once");
  started_ = true;
  handlers_ = std::make_shared<const ports::LinkHandlers>(std::move(handlers));
  read();
}

void LinkCore::send(stdx::Bytes frame, ports::Urgency urgency) {
  if (over()) return;
  if (frame.size() > Link::frame_bytes_max ||
      queued_bytes_ + frame.size() > Link::queue_bytes_max) {
    fail({Code::full, stdx::format("{} does not read: {} bytes wait", peer_, queued_bytes_)});
    return;
  }
  queued_bytes_ += frame.size() + header_bytes_;
  if (queued_bytes_ > handlers_->writable_below) was_above_ = true;
  queue(std::move(frame), urgency);
  if (writing_) return;
  writing_ = true;
  write();
}

void LinkCore::detach() {
  detached_ = true;
  handlers_ = std::make_shared<const ports::LinkHandlers>();
  if (writing_)
    linger();
  else
    close();
}

bool LinkCore::hand_out(stdx::Bytes frame) {
  const auto kept = handlers_;
  if (kept->on_frame) kept->on_frame(std::move(frame));
  return !over();
}

void LinkCore::written(std::size_t bytes) {
  writing_ = false;
  queued_bytes_ -= bytes;
  if (broken_) return;
  if (queued_bytes_ > 0) {
    writing_ = true;
    write();
  } else if (detached_) {
    return close();
  }
  const auto kept = handlers_;
  if (!was_above_ || queued_bytes_ >= kept->writable_below) return;
  was_above_ = false;
  if (kept->on_writable) kept->on_writable();
}

void LinkCore::fail(stdx::Error why) {
  if (broken_) return;
  broken_ = true;
  cut();
  if (detached_) return;
  // Posted: `send` must not call back into its caller.
  post([self = shared_from_this(), why = std::move(why)] {
    const auto kept = std::exchange(self->handlers_, std::make_shared<const ports::LinkHandlers>());
    if (kept->on_closed && !self->detached_) kept->on_closed(why);
  });
}

void LinkCore::close() {
  if (broken_) return;
  broken_ = true;
  end();
}

}  // namespace adapters::net
