// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/secure_stream.h"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

namespace adapters::net {

namespace asio = boost::asio;
using boost::system::error_code;
using stdx::Code;

// `done` belongs to the operation under way and is destroyed with it when the loop ends first. It
// holds the owner of this stream: as a member of the stream it would be a reference cycle.
void SecureStream::handshake(std::unique_ptr<tls::Session> session, Shaken done) {
  state_->session = std::move(session);
  state_->incoming.resize(chunk_bytes);
  if (const auto begun = state_->session->begin(); !begun)
    return shake_failed(state_, begun.error(), std::move(done));
  step(state_, std::move(done));
}

void SecureStream::shake_failed(const std::shared_ptr<State>& state, stdx::Error why, Shaken done) {
  // The alert goes out first.
  flush(state, [why = std::move(why), done = std::move(done)](error_code, std::size_t) {
    done(std::unexpected(why));
  });
}

void SecureStream::step(const std::shared_ptr<State>& state, Shaken done) {
  flush(state, [state, done = std::move(done)](error_code error, std::size_t) {
    if (error) return shake_failed(state, {Code::unavailable, error.message()}, done);
    if (state->session->ready()) {
      state->peer = state->session->peer();
      return done({});
    }
    state->lower.async_read_some(
        asio::buffer(state->incoming), [state, done](error_code e, std::size_t n) {
          if (e) return shake_failed(state, {Code::unavailable, e.message()}, done);
          const auto fed = state->session->feed(stdx::BytesView(state->incoming).substr(0, n));
          if (!fed) return shake_failed(state, fed.error(), done);
          step(state, done);
        });
  });
}

// Posted where there is nothing to send: a handler is never called from inside its call.
void SecureStream::flush(const std::shared_ptr<State>& state, Done done) {
  state->outgoing = std::exchange(state->session->outgoing(), {});
  if (state->outgoing.empty()) {
    asio::post(state->lower.get_executor(), [done = std::move(done)] { done({}, 0); });
    return;
  }
  asio::async_write(state->lower, asio::buffer(state->outgoing),
                    [state, done = std::move(done)](error_code error, std::size_t n) {
                      state->outgoing.clear();
                      done(error, n);
                    });
}

void SecureStream::read_some(char* to, std::size_t room, Done done) {
  const auto n = state_->session->read(to, room);
  const bool ended = state_->session->ended();
  if (!n || *n > 0 || ended || room == 0) {
    const error_code error = !n                    ? asio::error::connection_aborted
                             : *n == 0 && room > 0 ? error_code(asio::error::eof)
                                                   : error_code();
    asio::post(state_->lower.get_executor(),
               [done = std::move(done), error, got = n.value_or(0)] { done(error, got); });
    return;
  }
  read_more(state_, to, room, std::move(done));
}

void SecureStream::read_more(const std::shared_ptr<State>& state, char* to, std::size_t room,
                             Done done) {
  state->lower.async_read_some(
      asio::buffer(state->incoming),
      [state, to, room, done = std::move(done)](error_code error, std::size_t got) mutable {
        if (error) return done(error, 0);
        const auto fed = state->session->feed(stdx::BytesView(state->incoming).substr(0, got));
        const auto n = fed ? state->session->read(to, room)
                           : stdx::Result<std::size_t>(std::unexpected(fed.error()));
        if (!n) return done(asio::error::connection_aborted, 0);
        if (*n > 0) return done({}, *n);
        if (state->session->ended()) return done(asio::error::eof, 0);
        read_more(state, to, room, std::move(done));
      });
}

void SecureStream::write_some(std::size_t taken, Done done) {
  if (taken == 0) {
    asio::post(state_->lower.get_executor(),
               [done = std::move(done)] { done(asio::error::connection_aborted, 0); });
    return;
  }
  flush(state_, [done = std::move(done), taken](error_code error, std::size_t) {
    done(error, error ? 0 : taken);
  });
}

}  // namespace adapters::net
