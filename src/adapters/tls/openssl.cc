// SPDX-License-Identifier: Apache-2.0
#include "adapters/tls/openssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <ctime>

#include "stdx/encoding.h"
#include "stdx/text.h"

namespace adapters::tls {

using stdx::Code;

namespace {

// Far more than a key, a request or a certificate of ours takes.
constexpr std::size_t pem_bytes_max = 16u << 10;

Bio reader_of(stdx::BytesView text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// A key under a passphrase is none of ours; without this OpenSSL would ask at the terminal.
int no_passphrase(char*, int, int, void*) {
  return 0;
}

stdx::WallTime time_of(const ASN1_TIME* at) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(at, &parts) != 1) return {};
  return stdx::WallTime(std::chrono::seconds(timegm(&parts)));
}

stdx::Result<ports::Identity> identity_of(X509* certificate) {
  std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
  std::string uri;
  for (int i = 0; i < count; ++i) {
    const auto* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    if (!uri.empty()) return stdx::fail(Code::invalid, "its certificate has two identities");
    const auto* text = name->d.uniformResourceIdentifier;
    uri.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
               static_cast<std::size_t>(ASN1_STRING_length(text)));
  }
  return ports::parse_uri(uri);
}

}  // namespace

std::string openssl_error() {
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "";
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : stdx::format("OpenSSL error {:x}", code);
}

stdx::Result<Key> private_key_from(stdx::BytesView pem) {
  if (pem.size() > pem_bytes_max) return stdx::fail(Code::invalid, "it is no private key");
  const auto bio = reader_of(pem);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (!key) return stdx::fail(Code::invalid, "it is no private key");
  return key;
}

stdx::Result<Cert> certificate_from(stdx::BytesView pem) {
  if (pem.size() > pem_bytes_max) return stdx::fail(Code::invalid, "it is no certificate");
  const auto bio = reader_of(pem);
  Cert certificate(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (!certificate) return stdx::fail(Code::invalid, "it is no certificate");
  return certificate;
}

stdx::Result<Request> request_from(stdx::BytesView pem) {
  const auto bio = reader_of(pem.substr(0, pem_bytes_max));
  Request request(PEM_read_bio_X509_REQ(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (!request || pem.size() > pem_bytes_max)
    return stdx::fail(Code::invalid, "it is no certificate signing request");
  return request;
}

stdx::Bytes pem_of(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(bio.get(), certificate) != 1) return {};
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

stdx::Bytes key_hash_of(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return {};
  stdx::Bytes digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(der, static_cast<std::size_t>(size), reinterpret_cast<unsigned char*>(digest.data()));
  OPENSSL_free(der);
  return digest;
}

stdx::Result<ports::Certificate> read_certificate(X509* certificate) {
  ports::Certificate out;
  out.validity = {time_of(X509_get0_notBefore(certificate)),
                  time_of(X509_get0_notAfter(certificate))};
  out.key_hash = key_hash_of(X509_get0_pubkey(certificate));
  const auto* serial = X509_get0_serialNumber(certificate);
  out.serial = stdx::hex_encode({reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)),
                                 static_cast<std::size_t>(ASN1_STRING_length(serial))});
  if (X509_check_ca(certificate) != 0) {
    char name[256] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                              sizeof name);
    out.identity.cluster = name;
    return out;
  }
  TRY_ASSIGN(out.identity, identity_of(certificate));
  out.identity.key_id = ports::key_id_of_serial(out.serial);
  return out;
}

stdx::Result<ports::Certificate> verify_certificate(X509* certificate, STACK_OF(X509) * shown,
                                                    const std::vector<X509*>& authorities,
                                                    const ports::Trust& trust, stdx::WallTime now,
                                                    bool at_any_time) {
  const std::unique_ptr<X509_STORE, Freed<X509_STORE_free>> store(X509_STORE_new());
  for (auto* authority : authorities) X509_STORE_add_cert(store.get(), authority);
  for (int i = 0; authorities.empty() && i < sk_X509_num(shown); ++i) {
    auto* candidate = sk_X509_value(shown, i);
    if (!trust.pinned_key_hash.empty() && X509_check_ca(candidate) == 1 &&
        key_hash_of(X509_get0_pubkey(candidate)) == trust.pinned_key_hash)
      X509_STORE_add_cert(store.get(), candidate);
  }
  const std::unique_ptr<X509_STORE_CTX, Freed<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
  bool good = X509_STORE_CTX_init(context.get(), store.get(), certificate, nullptr) == 1;
  // Times are checked below, with a leeway. One signature from the authority to the certificate.
  X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_X509_STRICT);
  X509_STORE_CTX_set_depth(context.get(), 0);
  good = good && X509_verify_cert(context.get()) == 1;
  const std::string why =
      good ? "" : X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
  ERR_clear_error();
  if (!good || X509_check_ca(certificate) != 0)
    return stdx::fail(Code::denied,
                      stdx::format("its certificate is not signed by this cluster's authority{}",
                                   why.empty() ? "" : " (" + why + ")"));
  auto out = read_certificate(certificate);
  if (!out) return stdx::fail(Code::denied, out.error().message);
  TRY(ports::check_cluster(out->identity, trust.cluster));
  if (!at_any_time) TRY(ports::check_time(out->validity, now, trust.leeway));
  TRY(ports::check_revoked(out->identity, trust.revoked));
  return out;
}

}  // namespace adapters::tls
