// SPDX-License-Identifier: Apache-2.0
#include "adapters/tls/session.h"

#include <openssl/err.h>

#include <algorithm>
#include <cstring>

#include "adapters/tls/openssl.h"
#include "stdx/assert.h"
#include "stdx/text.h"

namespace adapters::tls {

using stdx::Code;

struct Context::Impl {
  std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>> ssl;
  ports::Trust trust;
  std::vector<Cert> authorities;
  bool shows = false;
};

struct Session::Impl {
  std::shared_ptr<const Context::Impl> context;
  std::function<stdx::WallTime()> wall;
  Side side = Side::client;
  Expect expect;
  std::unique_ptr<SSL, Freed<SSL_free>> ssl;
  stdx::BytesView incoming;
  std::string outgoing;
  bool ready = false, ended = false;
  ports::Identity peer;
  std::string refusal;  // why the other side's certificate is not good

  stdx::Status handshake();
  stdx::Error error_of(int result);
};

namespace {

// --- a BIO over Session::Impl: reads `incoming`, writes to `outgoing` ---

int bio_read(BIO* bio, char* to, int room) {
  auto& session = *static_cast<Session::Impl*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (session.incoming.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const auto n = std::min(session.incoming.size(), static_cast<std::size_t>(room));
  std::memcpy(to, session.incoming.data(), n);
  session.incoming.remove_prefix(n);
  return static_cast<int>(n);
}

int bio_write(BIO* bio, const char* from, int size) {
  static_cast<Session::Impl*>(BIO_get_data(bio))
      ->outgoing.append(from, static_cast<std::size_t>(size));
  return size;
}

long bio_control(BIO*, int what, long, void*) {
  return what == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* bio_method() {
  static const BIO_METHOD* method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "samoza");
    ASSERT(made != nullptr, "OpenSSL has room for a kind of BIO");
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  return method;
}

Session::Impl& session_of(const SSL* ssl) {
  return *static_cast<Session::Impl*>(SSL_get_app_data(ssl));
}

// In place of OpenSSL's own verification: 1 for good.
int verify(X509_STORE_CTX* store, void*) {
  auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto& session = session_of(ssl);
  std::vector<X509*> authorities;
  for (const auto& authority : session.context->authorities) authorities.push_back(authority.get());
  const auto verified =
      verify_certificate(X509_STORE_CTX_get0_cert(store), X509_STORE_CTX_get0_untrusted(store),
                         authorities, session.context->trust, session.wall(), false);
  auto good = verified ? ports::check_role(verified->identity, session.expect.roles)
                       : stdx::Status(std::unexpected(verified.error()));
  if (good) {
    session.peer = verified->identity;
    return 1;
  }
  session.refusal = good.error().message;
  X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

// A server's choice among what the client offers.
int choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* in, unsigned in_size, void*) {
  const auto& wanted = session_of(ssl).expect.protocol;
  for (unsigned at = 0; at < in_size && at + 1 + in[at] <= in_size; at += 1 + in[at]) {
    const std::string_view offered(reinterpret_cast<const char*>(in + at + 1), in[at]);
    if (!wanted.empty() && offered != wanted) continue;
    *out = in + at + 1;
    *out_size = in[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

stdx::Status set_own(SSL_CTX* ssl, const ports::KeyAndCertificate& own) {
  TRY_ASSIGN(const auto key, private_key_from(own.key));
  TRY_ASSIGN(const auto certificate, certificate_from(own.certificate));
  const bool fit = SSL_CTX_use_certificate(ssl, certificate.get()) == 1 &&
                   SSL_CTX_use_PrivateKey(ssl, key.get()) == 1 &&
                   SSL_CTX_check_private_key(ssl) == 1;
  ERR_clear_error();
  if (!fit) return stdx::fail(Code::invalid, "the certificate is not of this key");
  return {};
}

}  // namespace

Context::Context(std::function<stdx::WallTime()> wall) : wall_(std::move(wall)) {}
Context::~Context() = default;

stdx::Status Context::use(const ports::KeyAndCertificate& own, const ports::Trust& trust) {
  auto made = std::make_shared<Impl>();
  made->ssl.reset(SSL_CTX_new(TLS_method()));
  auto* ssl = made->ssl.get();
  ASSERT(ssl != nullptr, "OpenSSL makes a context");
  SSL_CTX_set_min_proto_version(ssl, TLS1_3_VERSION);
  SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_num_tickets(ssl, 0);
  SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_cert_verify_callback(ssl, verify, nullptr);
  SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, nullptr);
  made->shows = !own.certificate.empty();
  if (made->shows) TRY(set_own(ssl, own));
  for (const auto& pem : trust.authorities) {
    TRY_ASSIGN(auto authority, certificate_from(pem));
    // Shown beside our own certificate: a client that has no more than a join token pins it.
    if (made->shows) SSL_CTX_add1_chain_cert(ssl, authority.get());
    made->authorities.push_back(std::move(authority));
  }
  made->trust = trust;
  impl_ = std::move(made);
  return {};
}

bool Context::has_certificate() const {
  return impl_ != nullptr && impl_->shows;
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::~Session() = default;

stdx::Result<std::unique_ptr<Session>> Session::make(const Context& context, Side side,
                                                     Expect expect) {
  if (context.impl() == nullptr || (side == Side::server && !context.has_certificate()))
    return stdx::fail(Code::unavailable, "this zhost has no certificate yet");
  auto impl = std::make_unique<Impl>();
  impl->context = context.impl();
  impl->wall = context.wall();
  impl->side = side;
  impl->expect = std::move(expect);
  impl->ssl.reset(SSL_new(impl->context->ssl.get()));
  auto* ssl = impl->ssl.get();
  BIO* bio = BIO_new(bio_method());
  ASSERT(ssl != nullptr && bio != nullptr, "OpenSSL makes a connection");
  BIO_set_data(bio, impl.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  SSL_set_app_data(ssl, impl.get());
  int mode = SSL_VERIFY_PEER;
  if (impl->expect.certificate_needed) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_set_verify(ssl, mode, nullptr);
  if (side == Side::server) {
    SSL_set_accept_state(ssl);
  } else {
    SSL_set_connect_state(ssl);
    if (const auto& name = impl->expect.protocol; !name.empty()) {
      const auto list = static_cast<char>(name.size()) + name;
      SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(list.data()),
                          static_cast<unsigned>(list.size()));
    }
  }
  return std::unique_ptr<Session>(new Session(std::move(impl)));
}

stdx::Error Session::Impl::error_of(int result) {
  const int kind = SSL_get_error(ssl.get(), result);
  if (kind == SSL_ERROR_ZERO_RETURN) return {Code::unavailable, "closed by the other side"};
  const auto code = ERR_peek_last_error();
  const auto why = openssl_error();
  if (!refusal.empty()) return {Code::denied, refusal};
  const auto reason = ERR_GET_REASON(code);
  // An alert: what the other side thinks of ours.
  if (reason > SSL_AD_REASON_OFFSET)
    return {Code::denied, stdx::format("the other side refused what this side shows: {}", why)};
  if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
    return {Code::denied, "it shows no certificate"};
  return {Code::invalid, stdx::format("it does not speak TLS 1.3 as we do: {}", why)};
}

stdx::Status Session::Impl::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl.get());
  if (result != 1) {
    if (SSL_get_error(ssl.get(), result) == SSL_ERROR_WANT_READ) return {};
    return std::unexpected(error_of(result));
  }
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl.get(), &name, &size);
  const std::string_view chosen(reinterpret_cast<const char*>(name), size);
  const bool none_is_good = !expect.protocol_needed && chosen.empty();
  if (!expect.protocol.empty() && chosen != expect.protocol && !none_is_good)
    return stdx::fail(Code::denied, stdx::format("it does not speak {}", expect.protocol));
  ready = true;
  return {};
}

stdx::Status Session::begin() {
  return impl_->side == Side::client ? impl_->handshake() : stdx::Status();
}

stdx::Status Session::feed(stdx::BytesView cipher) {
  ASSERT(impl_->incoming.empty(), "what came before was read");
  impl_->incoming = cipher;
  return impl_->ready ? stdx::Status() : impl_->handshake();
}

stdx::Result<std::size_t> Session::read(char* to, std::size_t room) {
  if (!impl_->ready || room == 0) return 0;
  ERR_clear_error();
  std::size_t n = 0;
  const int result = SSL_read_ex(impl_->ssl.get(), to, room, &n);
  if (result == 1) return n;
  const int kind = SSL_get_error(impl_->ssl.get(), result);
  if (kind == SSL_ERROR_WANT_READ) return 0;
  if (kind == SSL_ERROR_ZERO_RETURN) {
    impl_->ended = true;
    impl_->incoming = {};
    return 0;
  }
  return std::unexpected(impl_->error_of(result));
}

stdx::Status Session::write(stdx::BytesView plain) {
  ASSERT(impl_->ready, "nothing is written before the handshake is over");
  if (plain.empty()) return {};
  ERR_clear_error();
  std::size_t n = 0;
  const int result = SSL_write_ex(impl_->ssl.get(), plain.data(), plain.size(), &n);
  if (result != 1) return std::unexpected(impl_->error_of(result));
  return {};
}

void Session::finish() {
  if (impl_->ready) SSL_shutdown(impl_->ssl.get());
  ERR_clear_error();
}

std::string& Session::outgoing() {
  return impl_->outgoing;
}
bool Session::ready() const {
  return impl_->ready;
}
bool Session::ended() const {
  return impl_->ended;
}
const ports::Identity& Session::peer() const {
  return impl_->peer;
}

}  // namespace adapters::tls
