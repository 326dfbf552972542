// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/http_client.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "adapters/loop/loop_impl.h"
#include "adapters/net/addresses.h"
#include "adapters/net/http_text.h"
#include "adapters/net/secure_stream.h"
#include "stdx/text.h"

namespace adapters::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using stdx::Code;

constexpr std::uint64_t answer_bytes_max = 64u << 20;

using Done = std::function<void(stdx::Result<ports::HttpResponse>)>;

class Call : public std::enable_shared_from_this<Call> {
 public:
  Call(asio::io_context& io, ports::Endpoint to, const tls::Context* identity, Done done)
      : stream_(beast::tcp_stream(io)),
        resolver_(io),
        identity_(identity),
        to_(std::move(to)),
        done_(std::move(done)) {
    parser_.body_limit(answer_bytes_max);
  }

  void start(ports::HttpRequest request, stdx::Duration timeout, const std::string& bind_ip) {
    build(std::move(request));
    stream_.expires_after(timeout);
    error_code error;
    const auto address = asio::ip::make_address(to_.host, error);
    if (!error) return connect(tcp::endpoint(address, to_.port), bind_ip);
    resolver_.async_resolve(
        to_.host, std::to_string(to_.port),
        [self = shared_from_this(), bind_ip](error_code e, const tcp::resolver::results_type& r) {
          if (e || r.empty()) return self->fail(Code::unavailable, e);
          self->connect(r.begin()->endpoint(), bind_ip);
        });
  }

 private:
  void build(ports::HttpRequest request) {
    std::string target = percent_encode(request.path, true);
    char mark = '?';
    for (const auto& [name, value] : request.query) {
      target += mark + percent_encode(name, false) + "=" + percent_encode(value, false);
      mark = '&';
    }
    request_.method_string(request.method);
    request_.target(target);
    request_.version(11);
    for (const auto& [name, value] : request.headers) request_.set(name, value);
    request_.set(http::field::host, host_and_port(to_.host, to_.port));
    request_.set(http::field::connection, "close");
    request_.body() = std::move(request.body);
    request_.prepare_payload();
  }

  void connect(const tcp::endpoint& endpoint, const std::string& bind_ip) {
    error_code error;
    stream_.socket().open(endpoint.protocol(), error);
    if (!error) bind_source(stream_.socket(), bind_ip, endpoint.address(), error);
    if (error) {
      asio::post(stream_.get_executor(),
                 [self = shared_from_this(), error] { self->fail(Code::unavailable, error); });
      return;
    }
    stream_.next_layer().async_connect(endpoint, [self = shared_from_this()](error_code e) {
      if (e) return self->fail(Code::unavailable, e);
      if (self->to_.kind == ports::Endpoint::Kind::https) return self->secure();
      self->write();
    });
  }

  void secure() {
    auto session =
        identity_ == nullptr
            ? stdx::fail(Code::unsupported, "this client speaks no TLS")
            : tls::Session::make(*identity_, tls::Side::client,
                                 {"http/1.1", false, {ports::CertificateRole::control_plane}});
    if (!session) return fail(Code::unavailable, session.error().message);
    stream_.handshake(std::move(*session), [self = shared_from_this()](stdx::Status shaken) {
      if (!shaken) return self->fail(Code::unavailable, shaken.error().message);
      self->write();
    });
  }

  void write() {
    http::async_write(stream_, request_, [self = shared_from_this()](error_code e, std::size_t) {
      // A server may answer (413, say) before it has read everything.
      (void)e;
      self->read();
    });
  }

  void read() {
    http::async_read(
        stream_, buffer_, parser_, [self = shared_from_this()](error_code e, std::size_t) {
          if (e) return self->fail(e == beast::error::timeout ? Code::timeout : Code::unknown, e);
          self->finish();
        });
  }

  void finish() {
    ports::HttpResponse response;
    auto& message = parser_.get();
    response.status = static_cast<int>(message.result_int());
    response.content_type = std::string(message[http::field::content_type]);
    for (const auto& field : message)
      response.headers[std::string(field.name_string())] = std::string(field.value());
    response.body = std::move(message.body());
    stream_.close();
    std::exchange(done_, nullptr)(std::move(response));
  }

  void fail(Code code, error_code e) { fail(code, e.message()); }
  void fail(Code code, const std::string& why) {
    stream_.close();
    const auto* scheme = to_.kind == ports::Endpoint::Kind::https ? "https" : "http";
    if (done_)
      std::exchange(done_, nullptr)(stdx::fail(
          code, stdx::format("{}://{}: {}", scheme, host_and_port(to_.host, to_.port), why)));
  }

  SecureStream stream_;
  tcp::resolver resolver_;
  const tls::Context* identity_;
  ports::Endpoint to_;
  Done done_;
  http::request<http::string_body> request_;
  beast::flat_buffer buffer_;
  http::response_parser<http::string_body> parser_;
};

}  // namespace

void NetHttpClient::request(const ports::Endpoint& to, ports::HttpRequest request,
                            stdx::Duration timeout, Done done) {
  std::make_shared<Call>(loop::io_of(loop_), to, identity_, std::move(done))
      ->start(std::move(request), timeout, bind_ip_);
}

}  // namespace adapters::net
