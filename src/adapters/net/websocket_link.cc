// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/websocket_link.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <cctype>
#include <deque>

#include "adapters/loop/loop.h"
#include "adapters/net/addresses.h"
#include "adapters/net/link_core.h"
#include "stdx/text.h"
#include "wire/json.h"

namespace adapters::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;
using ports::Link;
using stdx::Code;
using Socket = websocket::stream<SecureStream>;

// Counted for each message, so that empty ones wait in the queue like others.
constexpr std::size_t header_bytes = 2;

class WebSocket final : public LinkCore {
 public:
  WebSocket(SecureStream stream, WebSocketPayload payload, std::string peer,
            ports::Identity identity)
      : LinkCore(std::move(peer), header_bytes, std::move(identity)), socket_(std::move(stream)) {
    socket_.read_message_max(Link::frame_bytes_max);
    socket_.binary(payload == WebSocketPayload::binary);
    socket_.auto_fragment(false);
  }

  Socket& socket() { return socket_; }

  // Pings from both sides find a half-open connection within this.
  void set_timeouts(beast::role_type role) {
    auto options = websocket::stream_base::timeout::suggested(role);
    options.handshake_timeout = std::chrono::seconds(5);
    options.idle_timeout = std::chrono::seconds(10);
    options.keep_alive_pings = true;
    socket_.set_option(options);
    beast::get_lowest_layer(socket_).expires_never();
  }

 private:
  std::shared_ptr<WebSocket> self() {
    return std::static_pointer_cast<WebSocket>(shared_from_this());
  }

  void read() override {
    socket_.async_read(buffer_, [self = self()](error_code error, std::size_t) {
      if (self->over()) return;
      loop::name_task();
      if (error) {
        const bool too_big = error == websocket::error::message_too_big;
        self->fail(
            {too_big ? Code::invalid : Code::unavailable, self->peer() + ": " + error.message()});
        return;
      }
      stdx::Bytes frame = beast::buffers_to_string(self->buffer_.data());
      self->buffer_.clear();
      if (self->hand_out(std::move(frame))) self->read();
    });
  }

  // One message is one frame, so each is a write of its own.
  void queue(stdx::Bytes frame, ports::Urgency urgency) override {
    (urgency == ports::Urgency::urgent ? urgent_ : queue_).push_back(std::move(frame));
  }
  void write() override {
    auto& from = urgent_.empty() ? queue_ : urgent_;
    in_flight_ = std::move(from.front());
    from.pop_front();
    socket_.async_write(asio::buffer(in_flight_), [self = self()](error_code error, std::size_t) {
      const auto bytes = self->in_flight_.size() + header_bytes;
      self->in_flight_.clear();
      if (error) self->fail({Code::unavailable, self->peer() + ": " + error.message()});
      self->written(bytes);
    });
  }

  void end() override {
    socket_.async_close(websocket::close_code::normal,
                        [self = self()](error_code) { self->cut(); });
  }
  void cut() override { beast::get_lowest_layer(socket_).close(); }
  void post(std::function<void()> task) override {
    asio::post(socket_.get_executor(), std::move(task));
  }

  Socket socket_;
  beast::flat_buffer buffer_;
  std::deque<stdx::Bytes> queue_, urgent_;
  stdx::Bytes in_flight_;
};

// What the other side says of a refusal: the message of an error_response, else the body's text.
std::string said_in(const websocket::response_type& answer) {
  ports::HttpResponse response;
  response.status = answer.result_int();
  response.body = answer.body();
  while (!response.body.empty() && std::isspace(static_cast<unsigned char>(response.body.back())))
    response.body.pop_back();
  if (response.body.starts_with('{')) response.body = wire::error_from_response(response).message;
  return stdx::printable(response.body, 300);
}

void open_from(beast::tcp_stream& stream, const std::string& bind_ip, const tcp::endpoint& to,
               error_code& error) {
  stream.socket().open(to.protocol(), error);
  if (!error) bind_source(stream.socket(), bind_ip, to.address(), error);
}

// From an open connection to a link: TLS, then the upgrade.
class Dialling : public std::enable_shared_from_this<Dialling> {
 public:
  Dialling(asio::io_context& io, ports::Endpoint to, ports::ConnectHandler on_connected)
      : stream_(beast::tcp_stream(io)), to_(std::move(to)), done_(std::move(on_connected)) {}

  void start(const std::string& bind_ip, const tcp::endpoint& endpoint,
             const tls::Context& identity) {
    error_code error;
    open_from(stream_.next_layer(), bind_ip, endpoint, error);
    auto session = tls::Session::make(identity, tls::Side::client,
                                      {"http/1.1", false, {ports::CertificateRole::control_plane}});
    if (error || !session) {
      asio::post(stream_.get_executor(),
                 [self = shared_from_this(),
                  why = error ? error.message() : session.error().message] { self->fail(why); });
      return;
    }
    stream_.expires_after(std::chrono::seconds(5));
    stream_.next_layer().async_connect(
        endpoint, [self = shared_from_this(),
                   made = std::make_shared<std::unique_ptr<tls::Session>>(std::move(*session))](
                      error_code e) {
          if (e) return self->fail(e.message());
          error_code ignored;
          self->stream_.socket().set_option(tcp::no_delay(true), ignored);
          self->stream_.handshake(std::move(*made), [self](stdx::Status shaken) {
            if (!shaken) return self->fail(shaken.error().message);
            self->upgrade();
          });
        });
  }

 private:
  void upgrade() {
    const auto peer = stream_.peer();
    auto link = std::make_shared<WebSocket>(std::move(stream_), WebSocketPayload::binary,
                                            ports::to_string(to_), peer);
    link->set_timeouts(beast::role_type::client);
    auto answer = std::make_shared<websocket::response_type>();
    link->socket().async_handshake(
        *answer, to_.host + ":" + std::to_string(to_.port), to_.path,
        [self = shared_from_this(), link, answer](error_code error) {
          const auto& to = self->to_;
          // What the other side says of it tells more than that it declined.
          if (error == websocket::error::upgrade_declined && !answer->body().empty())
            return self->done_(
                stdx::fail(Code::denied, stdx::format("{} answers {}: {}", ports::to_string(to),
                                                      answer->result_int(), said_in(*answer))));
          // With TLS 1.3 a client is told only after its handshake that its certificate is not
          // taken.
          if (error == asio::error::connection_aborted)
            return self->done_(stdx::fail(
                Code::denied, stdx::format("{} does not take the certificate of this zhost; its "
                                           "log says why (`tls_refused`)",
                                           ports::to_string(to))));
          if (error) return self->fail(error.message());
          self->done_(std::make_unique<CoreLink>(link));
        });
  }
  void fail(const std::string& why) {
    done_(stdx::fail(Code::unavailable, ports::to_string(to_) + ": " + why));
  }

  SecureStream stream_;
  ports::Endpoint to_;
  ports::ConnectHandler done_;
};

}  // namespace

void connect_websocket(asio::io_context& io, const ports::Endpoint& to, const std::string& bind_ip,
                       const tls::Context& identity, ports::ConnectHandler on_connected) {
  auto dialling = std::make_shared<Dialling>(io, to, on_connected);
  error_code error;
  const auto address = asio::ip::make_address(to.host, error);
  if (!error) return dialling->start(bind_ip, tcp::endpoint(address, to.port), identity);
  auto resolver = std::make_shared<tcp::resolver>(io);
  resolver->async_resolve(
      to.host, std::to_string(to.port),
      [resolver, dialling, to, bind_ip, &identity, on_connected = std::move(on_connected)](
          error_code e, const tcp::resolver::results_type& results) {
        if (e || results.empty())
          on_connected(stdx::fail(Code::unavailable, ports::to_string(to) + ": " + e.message()));
        else
          dialling->start(bind_ip, results.begin()->endpoint(), identity);
      });
}

void accept_websocket(SecureStream stream, BeastRequest request, WebSocketPayload payload,
                      std::function<void(std::unique_ptr<ports::Link>)> done) {
  error_code ignored;
  const auto remote = stream.socket().remote_endpoint(ignored);
  const auto identity = stream.peer();
  auto link = std::make_shared<WebSocket>(
      std::move(stream), payload,
      remote.address().to_string() + ":" + std::to_string(remote.port()), identity);
  link->set_timeouts(beast::role_type::server);
  auto kept = std::make_shared<BeastRequest>(std::move(request));
  link->socket().async_accept(*kept, [link, kept, done = std::move(done)](error_code error) {
    done(error ? nullptr : std::make_unique<CoreLink>(link));
  });
}

}  // namespace adapters::net
