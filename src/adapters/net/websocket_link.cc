// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/websocket_link.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <deque>

#include "stdx/assert.h"
#include "stdx/text.h"

namespace adapters::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;
using ports::Link;
using stdx::Code;
using Socket = websocket::stream<beast::tcp_stream>;

class WebSocket : public std::enable_shared_from_this<WebSocket> {
 public:
  WebSocket(beast::tcp_stream stream, WebSocketPayload payload, std::string peer)
      : socket_(std::move(stream)), peer_(std::move(peer)) {
    socket_.read_message_max(Link::frame_bytes_max);
    socket_.binary(payload == WebSocketPayload::binary);
    socket_.auto_fragment(false);
  }

  Socket& socket() { return socket_; }
  const std::string& peer() const { return peer_; }
  std::size_t queued_bytes() const { return queued_bytes_; }

  // Pings from both sides find a half-open connection within this.
  void set_timeouts(beast::role_type role) {
    auto options = websocket::stream_base::timeout::suggested(role);
    options.handshake_timeout = std::chrono::seconds(5);
    options.idle_timeout = std::chrono::seconds(10);
    options.keep_alive_pings = true;
    socket_.set_option(options);
    beast::get_lowest_layer(socket_).expires_never();
  }

  void start(ports::LinkHandlers handlers) {
    ASSERT(!started_, "a link is started once");
    started_ = true;
    handlers_ = std::move(handlers);
    read();
  }

  void send(stdx::Bytes frame) {
    if (broken_ || detached_) return;
    if (frame.size() > Link::frame_bytes_max ||
        queued_bytes_ + frame.size() > Link::queue_bytes_max) {
      fail({Code::full, stdx::format("{} does not read: {} bytes wait", peer_, queued_bytes_)});
      return;
    }
    queued_bytes_ += frame.size();
    if (queued_bytes_ > Link::queue_bytes_max / 2) was_over_half_ = true;
    queue_.push_back(std::move(frame));
    if (queue_.size() == 1) write();
  }

  void detach() {
    detached_ = true;
    handlers_ = {};
    if (queue_.empty()) close();
  }

 private:
  void read() {
    socket_.async_read(buffer_, [self = shared_from_this()](error_code error, std::size_t) {
      if (self->broken_ || self->detached_) return;
      if (error) {
        self->fail({Code::unavailable, self->peer_ + ": " + error.message()});
        return;
      }
      stdx::Bytes frame = beast::buffers_to_string(self->buffer_.data());
      self->buffer_.clear();
      if (auto handler = self->handlers_.on_frame) handler(std::move(frame));
      if (!self->broken_ && !self->detached_) self->read();
    });
  }

  void write() {
    socket_.async_write(
        asio::buffer(queue_.front()), [self = shared_from_this()](error_code error, std::size_t) {
          if (self->broken_) return;
          if (error) {
            self->fail({Code::unavailable, self->peer_ + ": " + error.message()});
            return;
          }
          self->queued_bytes_ -= self->queue_.front().size();
          self->queue_.pop_front();
          if (!self->queue_.empty())
            self->write();
          else if (self->detached_)
            self->close();
          if (self->was_over_half_ && self->queued_bytes_ < Link::queue_bytes_max / 2) {
            self->was_over_half_ = false;
            if (auto handler = self->handlers_.on_writable) handler();
          }
        });
  }

  void fail(stdx::Error why) {
    if (broken_) return;
    broken_ = true;
    beast::get_lowest_layer(socket_).close();
    if (detached_) return;
    asio::post(socket_.get_executor(), [self = shared_from_this(), why = std::move(why)] {
      auto handler = std::move(self->handlers_.on_closed);
      self->handlers_ = {};
      if (handler && !self->detached_) handler(why);
    });
  }

  void close() {
    if (broken_) return;
    broken_ = true;
    socket_.async_close(websocket::close_code::normal, [self = shared_from_this()](error_code) {
      beast::get_lowest_layer(self->socket_).close();
    });
  }

  Socket socket_;
  std::string peer_;
  ports::LinkHandlers handlers_;
  beast::flat_buffer buffer_;
  std::deque<stdx::Bytes> queue_;
  std::size_t queued_bytes_ = 0;
  bool started_ = false, broken_ = false, detached_ = false, was_over_half_ = false;
};

class WebSocketLink final : public Link {
 public:
  explicit WebSocketLink(std::shared_ptr<WebSocket> socket) : socket_(std::move(socket)) {}
  ~WebSocketLink() override { socket_->detach(); }
  void start(ports::LinkHandlers handlers) override { socket_->start(std::move(handlers)); }
  void send(stdx::Bytes frame) override { socket_->send(std::move(frame)); }
  std::size_t queued_bytes() const override { return socket_->queued_bytes(); }
  std::string peer() const override { return socket_->peer(); }

 private:
  std::shared_ptr<WebSocket> socket_;
};

void open_from(beast::tcp_stream& stream, const std::string& bind_ip, const tcp::endpoint& to,
               error_code& error) {
  stream.socket().open(to.protocol(), error);
  if (!error && !bind_ip.empty())
    stream.socket().bind(tcp::endpoint(asio::ip::make_address(bind_ip), 0), error);
}

void connect_to(asio::io_context& io, const ports::Endpoint& to, const std::string& bind_ip,
                const tcp::endpoint& endpoint, ports::ConnectHandler on_connected) {
  beast::tcp_stream stream(io);
  error_code error;
  open_from(stream, bind_ip, endpoint, error);
  const auto fail = [to, on_connected](error_code e) {
    on_connected(stdx::fail(Code::unavailable, ports::to_string(to) + ": " + e.message()));
  };
  if (error) {
    asio::post(io, [fail, error] { fail(error); });
    return;
  }
  auto link = std::make_shared<WebSocket>(std::move(stream), WebSocketPayload::binary,
                                          ports::to_string(to));
  auto& lowest = beast::get_lowest_layer(link->socket());
  lowest.expires_after(std::chrono::seconds(5));
  lowest.async_connect(endpoint, [link, to, fail, on_connected](error_code e) {
    if (e) return fail(e);
    error_code ignored;
    beast::get_lowest_layer(link->socket()).socket().set_option(tcp::no_delay(true), ignored);
    link->set_timeouts(beast::role_type::client);
    link->socket().async_handshake(to.host + ":" + std::to_string(to.port), to.path,
                                   [link, fail, on_connected](error_code handshake) {
                                     if (handshake) return fail(handshake);
                                     on_connected(std::make_unique<WebSocketLink>(link));
                                   });
  });
}

}  // namespace

void connect_websocket(asio::io_context& io, const ports::Endpoint& to, const std::string& bind_ip,
                       ports::ConnectHandler on_connected) {
  error_code error;
  const auto address = asio::ip::make_address(to.host, error);
  if (!error) {
    connect_to(io, to, bind_ip, tcp::endpoint(address, to.port), std::move(on_connected));
    return;
  }
  auto resolver = std::make_shared<tcp::resolver>(io);
  resolver->async_resolve(
      to.host, std::to_string(to.port),
      [&io, resolver, to, bind_ip, on_connected = std::move(on_connected)](
          error_code e, const tcp::resolver::results_type& results) {
        if (e || results.empty())
          on_connected(stdx::fail(Code::unavailable, ports::to_string(to) + ": " + e.message()));
        else
          connect_to(io, to, bind_ip, results.begin()->endpoint(), on_connected);
      });
}

void accept_websocket(beast::tcp_stream stream, BeastRequest request, WebSocketPayload payload,
                      std::function<void(std::unique_ptr<ports::Link>)> done) {
  error_code ignored;
  const auto remote = stream.socket().remote_endpoint(ignored);
  auto link = std::make_shared<WebSocket>(
      std::move(stream), payload,
      remote.address().to_string() + ":" + std::to_string(remote.port()));
  link->set_timeouts(beast::role_type::server);
  auto kept = std::make_shared<BeastRequest>(std::move(request));
  link->socket().async_accept(*kept, [link, kept, done = std::move(done)](error_code error) {
    done(error ? nullptr : std::make_unique<WebSocketLink>(link));
  });
}

}  // namespace adapters::net
