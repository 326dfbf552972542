// SPDX-License-Identifier: Apache-2.0
#include "adapters/tls/certifier.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "adapters/tls/openssl.h"
#include "stdx/assert.h"
#include "stdx/text.h"

namespace adapters::tls {

using stdx::Code;

namespace {

stdx::Error failed(const char* what) {
  return {Code::failed, stdx::format("{}: {}", what, openssl_error())};
}

void set_time(ASN1_TIME* to, stdx::WallTime at) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  ASN1_TIME_adj(to, static_cast<std::time_t>(seconds), 0, 0);
}

bool set_name(X509_NAME* name, const std::string& common_name) {
  return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(common_name.data()),
                                    static_cast<int>(common_name.size()), -1, 0) == 1;
}

bool set_serial(X509* certificate, stdx::BytesView proved_key_hash) {
  unsigned char random[16];
  if (RAND_bytes(random, sizeof random) != 1) return false;
  random[0] &= 0x7f;  // positive, and of 16 bytes
  random[0] |= 0x40;
  const auto id = proved_key_hash.substr(0, ports::key_id_bytes);
  std::copy(id.begin(), id.end(), reinterpret_cast<char*>(random) + 1);
  BIGNUM* number = BN_bin2bn(random, sizeof random, nullptr);
  const bool done = number != nullptr &&
                    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
  BN_free(number);
  return done;
}

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509V3_set_ctx_nodb(&context);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  const bool done = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return done;
}

bool begin(X509* certificate, const ports::Validity& validity,
           stdx::BytesView proved_key_hash = {}) {
  if (X509_set_version(certificate, X509_VERSION_3) != 1 ||
      !set_serial(certificate, proved_key_hash))
    return false;
  set_time(X509_getm_notBefore(certificate), validity.not_before);
  set_time(X509_getm_notAfter(certificate), validity.not_after);
  return true;
}

// Names were checked by the caller: none has a comma or another mark of OpenSSL's syntax.
std::string alternative_names(const ports::Certifier::Issue& issue) {
  std::string names = "URI:" + ports::to_uri(issue.identity);
  for (const auto& address : issue.addresses) {
    ASN1_OCTET_STRING* ip = a2i_IPADDRESS(address.c_str());
    names += (ip != nullptr ? ",IP:" : ",DNS:") + address;
    ASN1_OCTET_STRING_free(ip);
  }
  ERR_clear_error();
  return names;
}

bool is_address(const std::string& text) {
  return !text.empty() && text.size() <= 253 &&
         text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
             ".:-") == std::string::npos;
}

}  // namespace

stdx::Bytes Certifier::sha256(stdx::BytesView bytes) const {
  stdx::Bytes digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

stdx::Bytes Certifier::make_key() {
  const Key key(EVP_EC_gen("P-256"));
  const Bio bio(BIO_new(BIO_s_mem()));
  ASSERT(key != nullptr && PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0,
                                                         nullptr, nullptr) == 1,
         "OpenSSL makes a P-256 key");
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &data);
  stdx::Bytes pem(data, static_cast<std::size_t>(size));
  OPENSSL_cleanse(data, static_cast<std::size_t>(size));
  return pem;
}

stdx::Result<stdx::Bytes> Certifier::key_hash(stdx::BytesView key_or_certificate) const {
  if (const auto key = private_key_from(key_or_certificate)) return key_hash_of(key->get());
  TRY_ASSIGN(const auto certificate, certificate_from(key_or_certificate));
  return key_hash_of(X509_get0_pubkey(certificate.get()));
}

stdx::Result<stdx::Bytes> Certifier::make_request(stdx::BytesView key) const {
  TRY_ASSIGN(const auto own, private_key_from(key));
  const Request request(X509_REQ_new());
  const Bio bio(BIO_new(BIO_s_mem()));
  if (X509_REQ_set_pubkey(request.get(), own.get()) != 1 ||
      X509_REQ_sign(request.get(), own.get(), EVP_sha256()) <= 0 ||
      PEM_write_bio_X509_REQ(bio.get(), request.get()) != 1)
    return std::unexpected(failed("the certificate signing request could not be made"));
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &data);
  return stdx::Bytes(data, static_cast<std::size_t>(size));
}

stdx::Result<stdx::Bytes> Certifier::check_request(stdx::BytesView request) const {
  TRY_ASSIGN(const auto parsed, request_from(request));
  EVP_PKEY* key = X509_REQ_get0_pubkey(parsed.get());
  const bool ours =
      key != nullptr && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_PKEY_get_bits(key) == 256;
  if (!ours) {
    ERR_clear_error();
    return stdx::fail(Code::invalid, "the request's key is none of P-256");
  }
  const bool proved = X509_REQ_verify(parsed.get(), key) == 1;
  ERR_clear_error();
  if (!proved)
    return stdx::fail(Code::denied, "the request is not signed by the key that it names");
  return key_hash_of(key);
}

stdx::Result<stdx::Bytes> Certifier::sign(stdx::BytesView key, stdx::BytesView message) const {
  TRY_ASSIGN(const auto own, private_key_from(key));
  const std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  const auto* data = reinterpret_cast<const unsigned char*>(message.data());
  std::size_t size = 0;
  stdx::Bytes signature;
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, own.get()) == 1 &&
      EVP_DigestSign(context.get(), nullptr, &size, data, message.size()) == 1) {
    signature.resize(size);
    if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                       data, message.size()) == 1) {
      signature.resize(size);
      return signature;
    }
  }
  return std::unexpected(failed("the signature could not be made"));
}

stdx::Status Certifier::check_signature(stdx::BytesView request, stdx::BytesView message,
                                        stdx::BytesView signature) const {
  TRY(check_request(request));
  TRY_ASSIGN(const auto parsed, request_from(request));
  const std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  const bool good =
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr,
                           X509_REQ_get0_pubkey(parsed.get())) == 1 &&
      EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                       signature.size(), reinterpret_cast<const unsigned char*>(message.data()),
                       message.size()) == 1;
  ERR_clear_error();
  if (good) return {};
  return stdx::fail(Code::denied, "it is not signed by the key of the request");
}

stdx::Result<stdx::Bytes> Certifier::make_authority(stdx::BytesView key, const std::string& cluster,
                                                    const ports::Validity& validity) {
  TRY_ASSIGN(const auto own, private_key_from(key));
  const Cert certificate(X509_new());
  auto* made = certificate.get();
  if (!begin(made, validity) || !set_name(X509_get_subject_name(made), cluster) ||
      X509_set_issuer_name(made, X509_get_subject_name(made)) != 1 ||
      X509_set_pubkey(made, own.get()) != 1 ||
      !add_extension(made, made, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !add_extension(made, made, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !add_extension(made, made, NID_subject_key_identifier, "hash") ||
      X509_sign(made, own.get(), EVP_sha256()) <= 0)
    return std::unexpected(failed("the certificate of the authority could not be made"));
  return pem_of(made);
}

stdx::Result<stdx::Bytes> Certifier::issue(const ports::KeyAndCertificate& authority,
                                           stdx::BytesView request, const Issue& issue) {
  if (auto identity = ports::parse_uri(ports::to_uri(issue.identity)); !identity)
    return std::unexpected(identity.error());
  for (const auto& address : issue.addresses)
    if (!is_address(address))
      return stdx::fail(Code::invalid, stdx::format("'{}' is neither an IP address nor a host name",
                                                    stdx::printable(address, 80)));
  TRY(check_request(request));
  TRY_ASSIGN(const auto asked, request_from(request));
  TRY_ASSIGN(const auto key, private_key_from(authority.key));
  TRY_ASSIGN(const auto signer, certificate_from(authority.certificate));
  const bool is_its_key =
      X509_check_ca(signer.get()) == 1 && X509_check_private_key(signer.get(), key.get()) == 1;
  ERR_clear_error();
  if (!is_its_key)
    return stdx::fail(Code::invalid, "the authority's key is not that of its certificate");
  const Cert certificate(X509_new());
  auto* made = certificate.get();
  const auto common_name =
      issue.identity.name.empty() ? issue.identity.cluster : issue.identity.name;
  if (!begin(made, issue.validity, issue.proved_key_hash) ||
      !set_name(X509_get_subject_name(made), common_name.substr(0, 64)) ||
      X509_set_issuer_name(made, X509_get_subject_name(signer.get())) != 1 ||
      X509_set_pubkey(made, X509_REQ_get0_pubkey(asked.get())) != 1 ||
      !add_extension(made, signer.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      !add_extension(made, signer.get(), NID_key_usage, "critical,digitalSignature") ||
      !add_extension(made, signer.get(), NID_ext_key_usage, "clientAuth,serverAuth") ||
      !add_extension(made, signer.get(), NID_subject_alt_name, alternative_names(issue)) ||
      !add_extension(made, signer.get(), NID_subject_key_identifier, "hash") ||
      !add_extension(made, signer.get(), NID_authority_key_identifier, "keyid:always") ||
      X509_sign(made, key.get(), EVP_sha256()) <= 0)
    return std::unexpected(failed("the certificate could not be made"));
  return pem_of(made);
}

stdx::Result<ports::Certificate> Certifier::read(stdx::BytesView certificate) const {
  TRY_ASSIGN(const auto parsed, certificate_from(certificate));
  return read_certificate(parsed.get());
}

stdx::Result<ports::Certificate> Certifier::verify(stdx::BytesView certificate,
                                                   const std::vector<stdx::Bytes>& shown,
                                                   const ports::Trust& trust, stdx::WallTime now,
                                                   bool at_any_time) const {
  const auto parsed = certificate_from(certificate);
  if (!parsed) return stdx::fail(Code::denied, parsed.error().message);
  std::vector<Cert> kept;
  std::vector<X509*> authorities;
  for (const auto& pem : trust.authorities) {
    TRY_ASSIGN(auto authority, certificate_from(pem));
    authorities.push_back(authority.get());
    kept.push_back(std::move(authority));
  }
  const CertList beside(sk_X509_new_null());
  for (const auto& pem : shown) {
    auto other = certificate_from(pem);
    if (!other) continue;
    sk_X509_push(beside.get(), other->get());
    kept.push_back(std::move(*other));
  }
  return verify_certificate(parsed->get(), beside.get(), authorities, trust, now, at_any_time);
}

}  // namespace adapters::tls
