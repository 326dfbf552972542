// SPDX-License-Identifier: Apache-2.0
#pragma once

// A TCP stream for Beast that is plain or speaks TLS (adapters/tls), by how it was made. Its
// timeouts are those of the beast::tcp_stream below it. Internal to this folder: it shows Beast.
//
// As Asio asks of a stream: one read and one write at a time, and its owner keeps it while one is
// under way.

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket/teardown.hpp>
#include <functional>
#include <memory>
#include <string>

#include "adapters/tls/session.h"

namespace adapters::net {

class SecureStream {
 public:
  using Lower = boost::beast::tcp_stream;
  using executor_type = Lower::executor_type;
  using next_layer_type = Lower;
  using Done = std::function<void(boost::system::error_code, std::size_t)>;

  explicit SecureStream(Lower lower) : state_(std::make_shared<State>(std::move(lower))) {}

  executor_type get_executor() { return state_->lower.get_executor(); }
  Lower& next_layer() { return state_->lower; }
  const Lower& next_layer() const { return state_->lower; }
  boost::asio::ip::tcp::socket& socket() { return state_->lower.socket(); }
  template <typename Time>
  void expires_after(Time time) {
    state_->lower.expires_after(time);
  }
  void expires_never() { state_->lower.expires_never(); }
  void close() { state_->lower.close(); }

  // From here on it speaks TLS. `done` has the reason where that fails; the connection is of no use
  // then. An alert that says why was sent.
  using Shaken = std::function<void(stdx::Status)>;
  void handshake(std::unique_ptr<tls::Session> session, Shaken done);
  const ports::Identity& peer() const { return state_->peer; }

  template <typename Buffers, typename Handler>
  auto async_read_some(const Buffers& buffers, Handler&& handler) {
    return boost::asio::async_initiate<Handler, void(boost::system::error_code, std::size_t)>(
        [this](auto own, const Buffers& to) {
          if (!state_->session) return state_->lower.async_read_some(to, std::move(own));
          boost::asio::mutable_buffer room;
          for (auto at = boost::asio::buffer_sequence_begin(to);
               at != boost::asio::buffer_sequence_end(to) && room.size() == 0; ++at)
            room = *at;
          read_some(static_cast<char*>(room.data()), room.size(), shared(std::move(own)));
        },
        handler, buffers);
  }
  template <typename Buffers, typename Handler>
  auto async_write_some(const Buffers& buffers, Handler&& handler) {
    return boost::asio::async_initiate<Handler, void(boost::system::error_code, std::size_t)>(
        [this](auto own, const Buffers& from) {
          if (!state_->session) return state_->lower.async_write_some(from, std::move(own));
          std::size_t taken = 0;
          stdx::Status written;
          for (auto at = boost::asio::buffer_sequence_begin(from);
               at != boost::asio::buffer_sequence_end(from) && written && taken < gather_max;
               ++at) {
            const boost::asio::const_buffer part = *at;
            const auto n = std::min(part.size(), gather_max - taken);
            written = state_->session->write({static_cast<const char*>(part.data()), n});
            taken += n;
          }
          write_some(written ? taken : 0, shared(std::move(own)));
        },
        handler, buffers);
  }

 private:
  static constexpr std::size_t gather_max = 256u << 10;
  static constexpr std::size_t chunk_bytes = 16u << 10;

  struct State {
    explicit State(Lower l) : lower(std::move(l)) {}
    Lower lower;
    std::unique_ptr<tls::Session> session;
    ports::Identity peer;
    std::string incoming, outgoing;
  };

  // A handler that may be moved only, as a function.
  template <typename Handler>
  static Done shared(Handler handler) {
    auto kept = std::make_shared<Handler>(std::move(handler));
    return [kept](boost::system::error_code error, std::size_t n) {
      auto own = std::move(*kept);
      std::move(own)(error, n);
    };
  }

  static void step(const std::shared_ptr<State>& state, Shaken done);
  static void shake_failed(const std::shared_ptr<State>& state, stdx::Error why, Shaken done);
  static void flush(const std::shared_ptr<State>& state, Done done);
  static void read_more(const std::shared_ptr<State>& state, char* to, std::size_t room, Done done);
  void read_some(char* to, std::size_t room, Done done);
  // What the session has written; `taken` plain bytes are in it, 0: that failed.
  void write_some(std::size_t taken, Done done);

  std::shared_ptr<State> state_;
};

// Beast asks for these at the end of a WebSocket.
inline void teardown(boost::beast::role_type role, SecureStream& stream,
                     boost::system::error_code& error) {
  using boost::beast::teardown;
  teardown(role, stream.next_layer(), error);
}
template <typename Handler>
void async_teardown(boost::beast::role_type role, SecureStream& stream, Handler&& handler) {
  using boost::beast::async_teardown;
  async_teardown(role, stream.next_layer(), std::forward<Handler>(handler));
}

}  // namespace adapters::net
