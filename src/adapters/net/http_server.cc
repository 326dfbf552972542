// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/http_server.h"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <functional>
#include <map>
#include <optional>

#include "adapters/loop/loop_impl.h"
#include "adapters/net/addresses.h"
#include "adapters/net/http_access.h"
#include "adapters/net/http_audit.h"
#include "adapters/net/http_seats.h"
#include "adapters/net/http_text.h"
#include "adapters/net/secure_stream.h"
#include "adapters/net/transport.h"
#include "adapters/net/websocket_link.h"
#include "adapters/prometheus/text.h"
#include "rpc/log_rate_limiter.h"
#include "stdx/text.h"
#include "wire/json.h"

namespace adapters::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

using namespace std::chrono_literals;
constexpr std::size_t header_bytes_max = 16u << 10;
constexpr std::size_t body_bytes_max = 1u << 20;
// A body has this long, and a second more for each of these bytes.
constexpr stdx::Duration body_time = 60s;
constexpr std::size_t body_bytes_per_second = 256u << 10;
constexpr std::size_t answer_bytes_per_second = 64u << 10;

bool listed(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

}  // namespace

struct HttpServer::Impl : std::enable_shared_from_this<Impl> {
  loop::Loop& loop;
  ports::Log& log;
  ports::Metrics& metrics;
  ports::HttpHandler* handler;  // null once the server is gone
  Options options;
  HttpAccess access;
  HttpAudit audit;
  tcp::acceptor acceptor;
  HttpSeats seats;
  std::map<HttpSeats::Seat, std::function<void()>> close;  // of the connections that have a seat
  ports::Counter& requests;
  ports::Counter& refused;
  ports::Counter& made_room;
  ports::Counter& turned_away;
  ports::Counter& stalled;
  ports::Counter& not_shaken;
  rpc::LogRateLimiter complaints;

  Impl(loop::Loop& l, ports::Log& lg, ports::Metrics& m, ports::HttpHandler& h, Options o)
      : loop(l),
        log(lg),
        metrics(m),
        handler(&h),
        options(std::move(o)),
        access({options.ip, options.port, options.more_hosts, options.token, options.join_paths,
                options.zhost, options.service, options.key, options.revoked}),
        audit(options.service, options.audit),
        acceptor(loop::io_of(l)),
        seats(options.seats),
        requests(m.counter("samoza_http_requests_total", "HTTP requests taken in")),
        refused(m.counter("samoza_http_refused_total",
                          "HTTP requests refused before a service saw them")),
        made_room(ended(m, "made room")),
        turned_away(ended(m, "no room")),
        stalled(ended(m, "stalled")),
        not_shaken(ended(m, "no TLS")) {}

  static ports::Counter& ended(ports::Metrics& m, const char* why) {
    return m.counter("samoza_http_connections_ended_total",
                     "HTTP connections ended by the server without an answer", {{"why", why}});
  }
  void leave(HttpSeats::Seat seat) {
    seats.leave(seat);
    close.erase(seat);
  }
  void accept();
  void take(tcp::socket socket);
};

namespace {

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<HttpServer::Impl> server, tcp::socket socket, HttpSeats::Seat seat)
      : server_(std::move(server)), stream_(beast::tcp_stream(std::move(socket))), seat_(seat) {}
  ~Session() { server_->leave(seat_); }

  void run() {
    const auto* identity = server_->options.identity;
    if (identity == nullptr) return read_header();
    using Role = ports::CertificateRole;
    auto session =
        tls::Session::make(*identity, tls::Side::server,
                           {"http/1.1", false, {Role::zhost, Role::operator_role}, false});
    if (!session) return close();
    server_->seats.waits(seat_);
    stream_.expires_after(5s);
    stream_.handshake(std::move(*session), [self = shared_from_this()](stdx::Status shaken) {
      if (shaken) return self->read_header();
      self->not_shaken(shaken.error());
    });
  }

  void close() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.close();
  }

 private:
  void not_shaken(const stdx::Error& why) {
    server_->not_shaken.add();
    error_code error;
    const auto from = stream_.socket().remote_endpoint(error);
    if (const auto held_back = server_->complaints.pass(server_->loop.now()))
      server_->log.warn("tls_refused",
                        {{"peer", stdx::format("{}:{}", from.address().to_string(), from.port())},
                         {"why", why.message},
                         {"not_logged", *held_back}});
    close();
  }

  void read_header() {
    is_head_ = false;  // a request that cannot be read is answered with a body
    parser_.emplace();
    parser_->header_limit(header_bytes_max);
    // Any length until the route is known: past a limit here the parser would end without an
    // answer.
    parser_->body_limit(boost::none);
    server_->seats.waits(seat_);
    stream_.expires_after(first_ ? 5s : 30s);
    first_ = false;
    http::async_read_header(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](error_code error, std::size_t) { self->header_read(error); });
  }

  void header_read(error_code error) {
    loop::name_task();
    if (error == http::error::end_of_stream) return close();
    if (error == http::error::header_limit) return refuse(431, "the request's header is too large");
    if (error.category() == http::make_error_code(http::error::bad_method).category())
      return refuse(400, stdx::format("not HTTP/1.1: {}", error.message()));
    if (error) return close();
    const auto& head = parser_->get();
    const auto parts = split_target(std::string(head.target()));
    if (!parts) return refuse(400, parts.error().message);
    request_ = {};
    request_.caller = stream_.peer();
    error_code unknown;
    request_.source = stream_.socket().remote_endpoint(unknown).address().to_string();
    request_.method = std::string(head.method_string());
    is_head_ = request_.method == "HEAD";
    request_.path = parts->path;
    request_.query = parts->query;
    std::size_t hosts = 0, lengths = 0, proofs = 0, codings = 0;
    for (const auto& field : head) {
      std::string name(field.name_string());
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      hosts += name == "host";
      lengths += name == "content-length";
      proofs += name == "authorization";
      codings += name == "transfer-encoding";
      request_.headers[name] = std::string(field.value());
    }
    if (hosts != 1) return refuse(400, "a request has exactly one Host header");
    if (lengths > 1 || (lengths == 1 && request_.headers.contains("transfer-encoding")))
      return refuse(400, "the request's length is given twice");
    if (proofs > 1) return refuse(400, "a request has at most one Authorization header");
    // Another coding would leave its body to be read as the next request.
    if (codings > 1 ||
        (codings == 1 && !beast::iequals(head[http::field::transfer_encoding], "chunked")))
      return refuse(501, "Transfer-Encoding is 'chunked' or absent");
    if (request_.headers.contains("content-encoding"))
      return refuse(415, "compressed bodies are not taken");
    server_->requests.add();
    auto door = server_->options.door ? server_->options.door(request_) : "";
    // Answered alike, but for the body (RFC 9110, 9.3.2). A space hears which of them it was.
    if (is_head_ && door.empty()) request_.method = "GET";
    if (!door.empty()) {
      request_.headers[":door"] = std::move(door);
      request_.headers[":target"] = std::string(head.target());
      // Who answers there is not the operator's.
      if (server_->access.has_our_token(request_)) request_.headers.erase("authorization");
    } else if (auto response = server_->access.check(request_, server_->loop.wall())) {
      return denied(std::move(*response));
    }
    if (beast::websocket::is_upgrade(head)) return ask_upgrade();
    const bool upload =
        listed(server_->options.upload_routes, request_.method + " " + request_.path);
    const std::size_t limit = upload ? server_->options.upload_bytes_max : body_bytes_max;
    if (parser_->content_length() && *parser_->content_length() > limit)
      return refuse(413, stdx::format("the body has {} bytes; {} are allowed here",
                                      *parser_->content_length(), limit));
    parser_->body_limit(limit);
    const auto length = parser_->content_length().value_or(limit);
    if (upload && length > body_bytes_max && !server_->seats.begin_upload(seat_))
      return refuse(429, "as many uploads are under way as may be; try again when one has ended");
    body_ends_ =
        server_->loop.now() + body_time +
        std::chrono::seconds(parser_->content_length() ? length / body_bytes_per_second : 0);
    if (request_.headers["expect"] == "100-continue") return send_continue();
    read_body();
  }

  void denied(ports::HttpResponse response) {
    if (response.status >= 400) server_->refused.add();
    server_->audit.refused(request_, response, server_->loop.now());
    // Where there is a body it was not read, so the connection cannot go on.
    keep_alive_ = parser_->is_done() && parser_->keep_alive();
    write(std::move(response));
  }

  void send_continue() {
    auto response = std::make_shared<http::response<http::empty_body>>(http::status::continue_, 11);
    http::async_write(stream_, *response,
                      [self = shared_from_this(), response](error_code error, std::size_t) {
                        if (!error) self->read_body();
                      });
  }

  // Part by part, so that a client that stalls is told from one that is slow.
  void read_body() {
    if (parser_->is_done()) return dispatch();
    if (server_->loop.now() > body_ends_) return refuse(408, "the body takes too long");
    server_->seats.waits(seat_);
    stream_.expires_after(server_->options.body_idle);
    http::async_read_some(stream_, buffer_, *parser_,
                          [self = shared_from_this()](error_code error, std::size_t) {
                            loop::name_task();
                            self->body_read(error);
                          });
  }

  void body_read(error_code error) {
    if (error == http::error::body_limit) return refuse(413, "the body is too large");
    if (error == beast::error::timeout) server_->stalled.add();
    if (error) return close();
    read_body();
  }

  void dispatch() {
    server_->seats.works(seat_);
    keep_alive_ = parser_->get().keep_alive();
    request_.body = std::move(parser_->get().body());
    if (request_.path == "/metrics") {
      ports::HttpResponse response;
      response.content_type = "text/plain; version=0.0.4";
      response.body = prometheus::to_text(
          server_->metrics, server_->options.more_metrics ? server_->options.more_metrics()
                                                          : std::vector<ports::Metrics::Family>());
      return write(std::move(response));
    }
    if (server_->handler == nullptr) return close();
    // Answered once: by the service or, after a minute, by us.
    auto answered = std::make_shared<bool>(false);
    auto timer = std::make_shared<asio::steady_timer>(stream_.get_executor(), 60s);
    timer->async_wait([self = shared_from_this(), answered](error_code error) {
      if (error || std::exchange(*answered, true)) return;
      self->write(
          wire::error_response({stdx::Code::timeout, "the service did not answer in 60 s"}));
    });
    stream_.expires_never();
    auto entry = server_->audit.begin(request_);
    server_->handler->handle(std::move(request_),
                             [self = shared_from_this(), answered, timer,
                              entry = std::move(entry)](ports::HttpResponse response) {
                               if (entry) self->server_->audit.answered(*entry, response);
                               if (std::exchange(*answered, true)) return;
                               timer->cancel();
                               self->write(std::move(response));
                             });
  }

  void ask_upgrade() {
    auto refused = refused_websocket();
    if (!refused) return upgrade();
    server_->refused.add();
    keep_alive_ = false;
    write(std::move(*refused));
  }

  std::optional<ports::HttpResponse> refused_websocket() const {
    if (server_->options.refuse_websocket) return server_->options.refuse_websocket(request_);
    if (listed(server_->options.binary_sockets, request_.path)) return std::nullopt;
    return wire::error_response(
        {stdx::Code::not_found,
         stdx::format("there is no WebSocket at {}", stdx::printable(request_.path, 200))});
  }

  void upgrade() {
    if (server_->handler == nullptr) return close();
    const auto payload = listed(server_->options.binary_sockets, request_.path)
                             ? WebSocketPayload::binary
                             : WebSocketPayload::text;
    stream_.expires_never();
    // Beast's parser keeps the request; the link owns the connection from here on.
    auto request = parser_->release();
    accept_websocket(
        std::move(stream_), std::move(request), payload,
        [server = server_, asked = std::move(request_)](std::unique_ptr<ports::Link> link) mutable {
          if (link && server->handler != nullptr)
            server->handler->handle_websocket(std::move(asked), std::move(link));
        });
  }

  void refuse(int status, std::string message) {
    server_->refused.add();
    auto response = wire::error_response({stdx::Code::invalid, std::move(message)});
    response.status = status;
    keep_alive_ = false;
    write(std::move(response));
  }

  // What may be in a header of ours; a service may pass on what a guest or a peer said.
  static bool fits_header(std::string_view text) {
    constexpr std::size_t bytes_max = 32u << 10;  // Beast throws from 64 KiB on
    return text.size() <= bytes_max &&
           text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
  }
  static bool can_be_written(const ports::HttpResponse& response) {
    std::size_t bytes = response.content_type.size();
    for (const auto& [name, value] : response.headers) {
      if (name.empty() || !fits_header(name) || !fits_header(value)) return false;
      bytes += name.size() + value.size();
    }
    return fits_header(response.content_type) && bytes <= 64u << 10 && response.status >= 200 &&
           response.status <= 599;
  }

  void write(ports::HttpResponse response) {
    if (!can_be_written(response)) {
      response =
          wire::error_response({stdx::Code::failed, "the answer has a header that can't be sent"});
      response.status = 500;
    }
    if (response.status == 204 || response.status == 304) response.body.clear();
    auto out = std::make_shared<http::response<http::string_body>>(
        static_cast<http::status>(response.status), 11);
    out->set(http::field::content_type, response.content_type);
    out->set("X-Content-Type-Options", "nosniff");
    out->set("Cache-Control", "no-store");
    out->set("Referrer-Policy", "no-referrer");
    if (!response.headers.contains("Content-Security-Policy"))
      out->set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    for (const auto& [name, value] : response.headers) out->set(name, value);
    server_->seats.works(seat_);
    server_->seats.end_upload(seat_);
    out->keep_alive(keep_alive_);
    const auto bytes = response.body.size();
    if (!is_head_) out->body() = std::move(response.body);
    out->prepare_payload();
    if (is_head_ && response.status != 204 && response.status != 304) out->content_length(bytes);
    // As for a body that comes in: a second more for so many bytes.
    stream_.expires_after(30s + std::chrono::seconds(bytes / answer_bytes_per_second));
    http::async_write(stream_, *out,
                      [self = shared_from_this(), out](error_code error, std::size_t) {
                        if (error || !self->keep_alive_) return self->close();
                        self->read_header();
                      });
  }

  std::shared_ptr<HttpServer::Impl> server_;
  SecureStream stream_;
  const HttpSeats::Seat seat_;
  beast::flat_buffer buffer_{1u << 20};
  std::optional<http::request_parser<http::string_body>> parser_;
  ports::HttpRequest request_;
  stdx::Instant body_ends_{};
  bool first_ = true;
  bool keep_alive_ = true;
  bool is_head_ = false;  // of the request that is answered
};

}  // namespace

void HttpServer::Impl::accept() {
  acceptor.async_accept([self = shared_from_this()](error_code error, tcp::socket socket) {
    if (error == asio::error::operation_aborted || self->handler == nullptr) return;
    if (!error) {
      self->take(std::move(socket));
      return self->accept();
    }
    auto timer = std::make_shared<asio::steady_timer>(self->acceptor.get_executor(), 50ms);
    timer->async_wait([self, timer](error_code) {
      if (self->handler != nullptr) self->accept();
    });
  });
}

void HttpServer::Impl::take(tcp::socket socket) {
  error_code error;
  const auto source = socket.remote_endpoint(error).address();
  if (error) return;  // it is gone already
  const auto arrival = seats.arrive(source.to_string());
  if (arrival.leaves) {
    made_room.add();
    if (const auto node = close.extract(*arrival.leaves); !node.empty()) node.mapped()();
  }
  if (!arrival.seat) return turned_away.add();
  socket.set_option(tcp::no_delay(true), error);
  const auto session =
      std::make_shared<Session>(shared_from_this(), std::move(socket), *arrival.seat);
  close[*arrival.seat] = [weak = std::weak_ptr(session)] {
    if (const auto still = weak.lock()) still->close();
  };
  session->run();
}

HttpServer::HttpServer(loop::Loop& loop, ports::Log& log, ports::Metrics& metrics,
                       ports::HttpHandler& handler, Options options)
    : impl_(std::make_shared<Impl>(loop, log, metrics, handler, std::move(options))) {}

HttpServer::~HttpServer() {
  impl_->handler = nullptr;
  error_code ignored;
  impl_->acceptor.close(ignored);
}

stdx::Status HttpServer::start() {
  auto& options = impl_->options;
  if (options.identity == nullptr) TRY(check_plain_address(options.ip));
  TRY_ASSIGN(const auto address, parse_address(options.ip));
  const tcp::endpoint endpoint(address, options.port);
  error_code error;
  impl_->acceptor.open(endpoint.protocol(), error);
  if (address.is_v6()) impl_->acceptor.set_option(asio::ip::v6_only(true), error);
  impl_->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  impl_->acceptor.bind(endpoint, error);
  if (!error) impl_->acceptor.listen(256, error);
  if (error == asio::error::address_in_use)
    return std::unexpected(port_taken(options.ip, options.port, "tcp"));
  if (error)
    return stdx::fail(stdx::Code::failed,
                      host_and_port(options.ip, options.port) + ": " + error.message());
  impl_->access.set_port(port());
  impl_->accept();
  return {};
}

std::uint16_t HttpServer::port() const {
  return impl_->acceptor.local_endpoint().port();
}

}  // namespace adapters::net
