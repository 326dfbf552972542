// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/stream_link.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cstring>

#include "stdx/assert.h"
#include "stdx/text.h"

namespace adapters::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using ports::Link;
using stdx::Code;

constexpr std::size_t length_bytes = 4;
constexpr std::size_t read_chunk_bytes = 64u << 10;

class Stream : public std::enable_shared_from_this<Stream> {
 public:
  Stream(StreamSocket socket, std::string peer)
      : socket_(std::move(socket)), linger_(socket_.get_executor()), peer_(std::move(peer)) {}

  void start(ports::LinkHandlers handlers) {
    ASSERT(!started_, "a link is started once");
    started_ = true;
    handlers_ = std::move(handlers);
    read();
  }

  void send(stdx::BytesView frame) {
    if (broken_ || detached_) return;
    if (frame.size() > Link::frame_bytes_max ||
        queued_bytes() + frame.size() > Link::queue_bytes_max) {
      fail({Code::full, stdx::format("{} does not read: {} bytes wait", peer_, queued_bytes())});
      return;
    }
    const auto length = static_cast<std::uint32_t>(frame.size());
    pending_.append(reinterpret_cast<const char*>(&length), length_bytes);
    pending_.append(frame);
    if (queued_bytes() > Link::queue_bytes_max / 2) was_over_half_ = true;
    if (!writing_) write();
  }

  // The owner is gone: no handler is called any more.
  void detach() {
    detached_ = true;
    handlers_ = {};
    if (!writing_) {
      close();
      return;
    }
    linger_.expires_after(std::chrono::seconds(2));
    linger_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->close();
    });
  }

  std::size_t queued_bytes() const { return pending_.size() + in_flight_.size(); }
  const std::string& peer() const { return peer_; }

 private:
  void read() {
    // Room for one more chunk behind what is not consumed yet.
    const std::size_t have = buffer_.size();
    buffer_.resize(have + read_chunk_bytes);
    socket_.async_read_some(
        asio::buffer(buffer_.data() + have, read_chunk_bytes),
        [self = shared_from_this(), have](error_code error, std::size_t n) {
          if (self->broken_ || self->detached_) return;
          self->buffer_.resize(have + n);
          if (error) {
            self->fail({Code::unavailable, self->peer_ + ": " + error.message()});
            return;
          }
          if (self->deliver()) self->read();
        });
  }

  // Hands out every whole frame; false when the link ended meanwhile.
  bool deliver() {
    std::size_t at = 0;
    while (buffer_.size() - at >= length_bytes) {
      std::uint32_t length = 0;
      std::memcpy(&length, buffer_.data() + at, length_bytes);
      if (length > Link::frame_bytes_max) {
        fail({Code::invalid, stdx::format("{} announced a frame of {} bytes; {} are allowed", peer_,
                                          length, Link::frame_bytes_max)});
        return false;
      }
      if (buffer_.size() - at - length_bytes < length) break;
      stdx::Bytes frame = buffer_.substr(at + length_bytes, length);
      at += length_bytes + length;
      // Copied: the handler may destroy the link.
      if (auto handler = handlers_.on_frame) handler(std::move(frame));
      if (broken_ || detached_) return false;
    }
    buffer_.erase(0, at);
    return true;
  }

  void write() {
    writing_ = true;
    in_flight_.swap(pending_);
    pending_.clear();
    asio::async_write(
        socket_, asio::buffer(in_flight_),
        [self = shared_from_this()](error_code error, std::size_t) {
          self->in_flight_.clear();
          self->writing_ = false;
          if (self->broken_) return;
          if (error) {
            self->fail({Code::unavailable, self->peer_ + ": " + error.message()});
          } else if (!self->pending_.empty()) {
            self->write();
          } else if (self->detached_) {
            self->close();
            return;
          }
          if (self->was_over_half_ && self->queued_bytes() < Link::queue_bytes_max / 2) {
            self->was_over_half_ = false;
            if (auto handler = self->handlers_.on_writable) handler();
          }
        });
  }

  void fail(stdx::Error why) {
    if (broken_) return;
    broken_ = true;
    close();
    if (detached_) return;
    // Posted: `send` must not call back into its caller.
    asio::post(socket_.get_executor(), [self = shared_from_this(), why = std::move(why)] {
      auto handler = std::move(self->handlers_.on_closed);
      self->handlers_ = {};
      if (handler && !self->detached_) handler(why);
    });
  }

  void close() {
    broken_ = true;
    linger_.cancel();
    error_code ignored;
    socket_.close(ignored);
  }

  StreamSocket socket_;
  asio::steady_timer linger_;
  std::string peer_;
  ports::LinkHandlers handlers_;
  std::string buffer_;
  std::string pending_, in_flight_;
  bool started_ = false, writing_ = false, broken_ = false, detached_ = false;
  bool was_over_half_ = false;
};

class StreamLink final : public Link {
 public:
  explicit StreamLink(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {}
  ~StreamLink() override { stream_->detach(); }
  void start(ports::LinkHandlers handlers) override { stream_->start(std::move(handlers)); }
  void send(stdx::Bytes frame) override { stream_->send(frame); }
  std::size_t queued_bytes() const override { return stream_->queued_bytes(); }
  std::string peer() const override { return stream_->peer(); }

 private:
  std::shared_ptr<Stream> stream_;
};

}  // namespace

std::unique_ptr<Link> make_stream_link(StreamSocket socket, std::string peer) {
  return std::make_unique<StreamLink>(std::make_shared<Stream>(std::move(socket), std::move(peer)));
}

}  // namespace adapters::net
