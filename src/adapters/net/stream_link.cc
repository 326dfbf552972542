// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/stream_link.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cstring>

#include "adapters/loop/loop.h"
#include "adapters/net/link_core.h"
#include "stdx/text.h"

namespace adapters::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using ports::Link;
using stdx::Code;

constexpr std::size_t length_bytes = 4;
constexpr std::size_t read_chunk_bytes = 64u << 10;

class Stream final : public LinkCore {
 public:
  Stream(StreamSocket socket, std::string peer)
      : LinkCore(std::move(peer), length_bytes),
        socket_(std::move(socket)),
        linger_(socket_.get_executor()) {}

 private:
  std::shared_ptr<Stream> self() { return std::static_pointer_cast<Stream>(shared_from_this()); }

  void read() override {
    // Room for one more chunk behind what is not consumed yet.
    if (buffer_.size() < have_ + read_chunk_bytes) buffer_.resize(have_ + read_chunk_bytes);
    socket_.async_read_some(
        asio::buffer(buffer_.data() + have_, read_chunk_bytes),
        [self = self()](error_code error, std::size_t n) {
          if (self->over()) return;
          loop::name_task();
          self->have_ += n;
          if (error)
            self->fail({Code::unavailable, self->peer() + ": " + error.message()});
          else if (self->deliver())
            self->read();
        });
  }

  // Hands out every whole frame; false when the link ended meanwhile.
  bool deliver() {
    std::size_t at = 0;
    while (have_ - at >= length_bytes) {
      std::uint32_t length = 0;
      std::memcpy(&length, buffer_.data() + at, length_bytes);
      if (length > Link::frame_bytes_max) {
        fail({Code::invalid, stdx::format("{} announced a frame of {} bytes; {} are allowed",
                                          peer(), length, Link::frame_bytes_max)});
        return false;
      }
      if (have_ - at - length_bytes < length) break;
      stdx::Bytes frame = buffer_.substr(at + length_bytes, length);
      at += length_bytes + length;
      if (!hand_out(std::move(frame))) return false;
    }
    have_ -= at;
    std::memmove(buffer_.data(), buffer_.data() + at, have_);
    // A large frame passed: a link that idles keeps one chunk.
    if (have_ == 0 && buffer_.size() > read_chunk_bytes)
      std::string(read_chunk_bytes, '\0').swap(buffer_);
    return true;
  }

  // What waits goes out in one write.
  void queue(stdx::Bytes frame) override {
    const auto length = static_cast<std::uint32_t>(frame.size());
    pending_.append(reinterpret_cast<const char*>(&length), length_bytes);
    pending_.append(frame);
  }
  void write() override {
    in_flight_.swap(pending_);
    pending_.clear();
    asio::async_write(socket_, asio::buffer(in_flight_),
                      [self = self()](error_code error, std::size_t) {
                        const auto bytes = self->in_flight_.size();
                        self->in_flight_.clear();
                        if (error)
                          self->fail({Code::unavailable, self->peer() + ": " + error.message()});
                        self->written(bytes);
                      });
  }

  void linger() override {
    linger_.expires_after(std::chrono::seconds(2));
    linger_.async_wait([self = self()](error_code error) {
      if (!error) self->cut();
    });
  }
  void end() override { cut(); }
  void cut() override {
    linger_.cancel();
    error_code ignored;
    socket_.close(ignored);
  }
  void post(std::function<void()> task) override {
    asio::post(socket_.get_executor(), std::move(task));
  }

  StreamSocket socket_;
  asio::steady_timer linger_;
  std::string buffer_;  // its first have_ bytes are not consumed yet
  std::size_t have_ = 0;
  std::string pending_, in_flight_;
};

}  // namespace

std::unique_ptr<Link> make_stream_link(StreamSocket socket, std::string peer) {
  return std::make_unique<CoreLink>(std::make_shared<Stream>(std::move(socket), std::move(peer)));
}

}  // namespace adapters::net
