// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/stream_link.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cstring>

#include "adapters/loop/loop.h"
#include "adapters/net/link_core.h"
#include "adapters/net/send_queue.h"
#include "stdx/text.h"

namespace adapters::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using ports::Link;
using stdx::Code;

constexpr std::size_t length_bytes = SendQueue::length_bytes;
constexpr std::size_t read_chunk_bytes = 64u << 10;
constexpr std::size_t cipher_chunk_bytes = 32u << 10;
constexpr std::size_t idle_bytes = 16u << 10;  // that a secure link keeps for frames
// So much is written at once: to encrypt more would hold up the loop, and an urgent frame waits for
// what is being written.
constexpr std::size_t write_bytes_max = 256u << 10;
constexpr auto handshake_timeout = std::chrono::seconds(5);

class Stream final : public LinkCore {
 public:
  Stream(StreamSocket socket, std::string peer)
      : LinkCore(std::move(peer), length_bytes),
        socket_(std::move(socket)),
        linger_(socket_.get_executor()) {}

  // TLS before the link is started.
  void open(std::unique_ptr<tls::Session> session, ports::ConnectHandler done) {
    session_ = std::move(session);
    cipher_.resize(cipher_chunk_bytes);
    opened_ = std::move(done);
    linger_.expires_after(handshake_timeout);
    linger_.async_wait([self = self()](error_code error) {
      if (!error) self->not_opened({Code::timeout, "no TLS handshake in time"});
    });
    if (const auto begun = session_->begin(); !begun) return not_opened(begun.error());
    shake();
  }

 private:
  void not_opened(stdx::Error why) {
    auto done = std::exchange(opened_, nullptr);
    if (!done) return;
    // The alert that says why, as far as the socket takes it now.
    error_code ignored;
    if (!session_->outgoing().empty() && socket_.is_open()) {
      socket_.non_blocking(true, ignored);
      socket_.send(asio::buffer(session_->outgoing()), 0, ignored);
    }
    cut();
    why.message = peer() + ": " + why.message;
    done(std::unexpected(std::move(why)));
  }

  void shake() {
    in_flight_.swap(session_->outgoing());
    if (in_flight_.empty()) return shaken();
    asio::async_write(socket_, asio::buffer(in_flight_),
                      [self = self()](error_code e, std::size_t) {
                        self->in_flight_.clear();
                        if (e) return self->not_opened({Code::unavailable, e.message()});
                        self->shaken();
                      });
  }
  void shaken() {
    if (!opened_) return;
    if (session_->ready()) {
      linger_.cancel();
      set_identity(session_->peer());
      std::exchange(opened_, nullptr)(
          std::make_unique<CoreLink>(std::static_pointer_cast<LinkCore>(shared_from_this())));
      return;
    }
    socket_.async_read_some(asio::buffer(cipher_), [self = self()](error_code e, std::size_t n) {
      if (!self->opened_) return;
      if (e) return self->not_opened({Code::unavailable, e.message()});
      if (const auto fed = self->session_->feed({self->cipher_.data(), n}); !fed)
        return self->not_opened(fed.error());
      self->shake();
    });
  }

  std::shared_ptr<Stream> self() { return std::static_pointer_cast<Stream>(shared_from_this()); }

  void read() override {
    if (!session_) return read_plain();
    // What came with the end of the handshake; not from inside `start`.
    post([self = self()] {
      if (!self->over() && self->decrypt()) self->read_cipher();
    });
  }

  void read_cipher() {
    socket_.async_read_some(
        asio::buffer(cipher_), [self = self()](error_code error, std::size_t n) {
          if (self->over()) return;
          loop::name_task();
          if (error) return self->fail({Code::unavailable, self->peer() + ": " + error.message()});
          if (const auto fed = self->session_->feed({self->cipher_.data(), n}); !fed)
            return self->fail({fed.error().code, self->peer() + ": " + fed.error().message});
          if (self->decrypt()) self->read_cipher();
        });
  }

  // Straight into the frames' buffer; false when the link ended meanwhile.
  bool decrypt() {
    for (;;) {
      if (buffer_.size() < have_ + idle_bytes) buffer_.resize(have_ + idle_bytes);
      const auto n = session_->read(buffer_.data() + have_, buffer_.size() - have_);
      if (!n) {
        fail({n.error().code, peer() + ": " + n.error().message});
        return false;
      }
      have_ += *n;
      if (*n == 0) break;
    }
    if (!deliver()) return false;
    if (have_ == 0 && buffer_.size() > idle_bytes) std::string(idle_bytes, '\0').swap(buffer_);
    if (!session_->ended()) return true;
    fail({Code::unavailable, peer() + ": closed by the other side"});
    return false;
  }

  void read_plain() {
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
            self->read_plain();
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

  void queue(stdx::Bytes frame, ports::Urgency urgency) override { pending_.push(frame, urgency); }
  // What waits goes out in one write, as far as `write_bytes_max` allows.
  void write() override {
    const auto plain = session_ ? encrypt() : take_plain();
    asio::async_write(socket_, asio::buffer(in_flight_),
                      [self = self(), plain](error_code error, std::size_t) {
                        self->in_flight_.clear();
                        if (error)
                          self->fail({Code::unavailable, self->peer() + ": " + error.message()});
                        self->written(plain);
                      });
  }
  std::size_t take_plain() {
    pending_.take(in_flight_, write_bytes_max);
    return in_flight_.size();
  }
  // How much of what waits is encrypted now.
  std::size_t encrypt() {
    const auto plain = pending_.next(write_bytes_max);
    const auto n = plain.size();
    if (const auto written = session_->write(plain); !written)
      fail({written.error().code, peer() + ": " + written.error().message});
    pending_.consume(n);
    in_flight_.swap(session_->outgoing());
    return n;
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
  SendQueue pending_;
  std::string in_flight_;
  // Of a secure link.
  std::unique_ptr<tls::Session> session_;
  std::string cipher_;
  ports::ConnectHandler opened_;
};

}  // namespace

std::unique_ptr<Link> make_stream_link(StreamSocket socket, std::string peer) {
  return std::make_unique<CoreLink>(std::make_shared<Stream>(std::move(socket), std::move(peer)));
}

void open_secure_link(StreamSocket socket, std::string peer, std::unique_ptr<tls::Session> session,
                      ports::ConnectHandler done) {
  std::make_shared<Stream>(std::move(socket), std::move(peer))
      ->open(std::move(session), std::move(done));
}

}  // namespace adapters::net
