// SPDX-License-Identifier: Apache-2.0
#pragma once

// What certifier.cc and session.cc share: OpenSSL's objects with an owner, PEM, and what a
// certificate says. Internal to this folder: it shows OpenSSL.

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "ports/credentials.h"

namespace adapters::tls {

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Cert = std::unique_ptr<X509, Freed<X509_free>>;
using Request = std::unique_ptr<X509_REQ, Freed<X509_REQ_free>>;
// Of certificates that others own.
struct FreedList {
  void operator()(STACK_OF(X509) * list) const { sk_X509_free(list); }
};
using CertList = std::unique_ptr<STACK_OF(X509), FreedList>;
using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;

// The newest error of OpenSSL on this thread, and forgets the others; empty: there is none.
std::string openssl_error();

stdx::Result<Key> private_key_from(stdx::BytesView pem);
stdx::Result<Cert> certificate_from(stdx::BytesView pem);
stdx::Result<Request> request_from(stdx::BytesView pem);
stdx::Bytes pem_of(X509* certificate);

stdx::Bytes key_hash_of(EVP_PKEY* key);
stdx::Result<ports::Certificate> read_certificate(X509* certificate);
// ports::Certifier::verify, on what a handshake shows.
stdx::Result<ports::Certificate> verify_certificate(X509* certificate, STACK_OF(X509) * shown,
                                                    const std::vector<X509*>& authorities,
                                                    const ports::Trust& trust, stdx::WallTime now,
                                                    bool at_any_time);

}  // namespace adapters::tls
