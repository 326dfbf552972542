// SPDX-License-Identifier: Apache-2.0
#pragma once

// Certificates of a cluster: one authority (the control plane) signs, everybody verifies. X.509 in
// a process (adapters/tls), a stand-in in the simulator (simkit/stub_certifier.h); one contract
// suite runs against both (simkit/testing/certifier_contract.h).
//
// An identity is a URI in the certificate: samoza://CLUSTER/ROLE[/NAME]. Keys, requests and
// certificates are opaque bytes here (PEM text in a process). Time is passed in.

#include <string>
#include <string_view>
#include <vector>

#include "stdx/bytes.h"
#include "stdx/result.h"
#include "stdx/time.h"

namespace ports {

// What a certificate is good for. `none`: the other side showed no certificate.
enum class CertificateRole { none, zhost, data, control_plane, operator_role };

struct Identity {
  std::string cluster;
  CertificateRole role = CertificateRole::none;
  std::string name;  // zhost and data: the zhost's id; operator: its name; control plane: empty
  // zhost and data: of the key that the zhost proved, in its certificates (key_id). It tells one
  // key from another and takes no part in a comparison.
  std::string key_id{};
  bool operator==(const Identity& other) const {
    return cluster == other.cluster && role == other.role && name == other.name;
  }
};
std::string_view to_string(CertificateRole role);
// "samoza://plant/zhost/z1", "samoza://plant/control-plane"
std::string to_uri(const Identity& identity);
// Code::invalid for anything that to_uri does not write.
stdx::Result<Identity> parse_uri(std::string_view uri);
// For people: "zhost 'z1' of cluster 'plant'".
std::string describe(const Identity& identity);

struct Validity {
  stdx::WallTime not_before, not_after;
  bool operator==(const Validity&) const = default;
};

struct Certificate {
  Identity identity;
  Validity validity;
  stdx::Bytes key_hash;  // SHA-256 of the public key (SubjectPublicKeyInfo)
  std::string serial;    // hex
};

// Whose signature counts.
struct Trust {
  std::string cluster;
  std::vector<stdx::Bytes> authorities;  // certificates
  // Where `authorities` is empty: the authority that the other side shows beside its certificate
  // counts if its key has this hash. So a join token pins the authority of its cluster.
  stdx::Bytes pinned_key_hash;
  // How wrong the clocks of two machines may be.
  stdx::Duration leeway = std::chrono::hours(1);
  // Zhosts that were forgotten: certificates of that name (of both roles) that stand on that key
  // are not good any more, whatever the clocks say.
  struct Revoked {
    std::string zhost;
    std::string key_id;
    bool operator==(const Revoked&) const = default;
  };
  std::vector<Revoked> revoked{};
};

// A key with its certificate. Of an authority, or of one side of a link.
struct KeyAndCertificate {
  stdx::Bytes key, certificate;
  bool operator==(const KeyAndCertificate&) const = default;
};

class Certifier {
 public:
  virtual ~Certifier() = default;

  virtual stdx::Bytes sha256(stdx::BytesView bytes) const = 0;
  // A private key.
  virtual stdx::Bytes make_key() = 0;
  // Of a private key or of a certificate of an authority. Code::invalid: it is neither.
  virtual stdx::Result<stdx::Bytes> key_hash(stdx::BytesView key_or_certificate) const = 0;

  // A certificate signing request: it proves that whoever made it has the private key. A copy of it
  // is worth nothing without that key.
  virtual stdx::Result<stdx::Bytes> make_request(stdx::BytesView key) const = 0;
  // The key's hash. Code::denied: it is not signed by the key that it names. Code::invalid: it is
  // no request.
  virtual stdx::Result<stdx::Bytes> check_request(stdx::BytesView request) const = 0;

  virtual stdx::Result<stdx::Bytes> sign(stdx::BytesView key, stdx::BytesView message) const = 0;
  // Code::denied: the signature is not by the key of `request`.
  virtual stdx::Status check_signature(stdx::BytesView request, stdx::BytesView message,
                                       stdx::BytesView signature) const = 0;

  virtual stdx::Result<stdx::Bytes> make_authority(stdx::BytesView key, const std::string& cluster,
                                                   const Validity& validity) = 0;
  struct Issue {
    Identity identity;
    Validity validity;
    // IP addresses and host names, for clients that check those (a browser, curl, Prometheus).
    std::vector<std::string> addresses;
    // Of the key that the zhost proved: the serial number has its key_id.
    stdx::Bytes proved_key_hash{};
  };
  // A certificate for the key of `request`; whether it may have it is for the caller to decide.
  virtual stdx::Result<stdx::Bytes> issue(const KeyAndCertificate& authority,
                                          stdx::BytesView request, const Issue& issue) = 0;

  // What the certificate says, whoever signed it.
  virtual stdx::Result<Certificate> read(stdx::BytesView certificate) const = 0;
  // Code::denied: another cluster or authority, expired, not yet valid, or no identity in it; the
  // message says which. `shown` are certificates that came along with it (see pinned_key_hash).
  // `at_any_time`: expired and not yet valid ones are good.
  virtual stdx::Result<Certificate> verify(stdx::BytesView certificate,
                                           const std::vector<stdx::Bytes>& shown,
                                           const Trust& trust, stdx::WallTime now,
                                           bool at_any_time = false) const = 0;
};

// What the links of this process to other zhosts show and trust, from the next link on.
class LinkIdentity {
 public:
  virtual ~LinkIdentity() = default;
  // `own` may be empty: then nothing is shown. Code::invalid: a key or certificate cannot be read,
  // or they do not belong together; then nothing changes.
  virtual stdx::Status use(const KeyAndCertificate& own, const Trust& trust) = 0;
};

// What a service needs that makes, asks for or hands out certificates.
struct Security {
  Certifier& certifier;
  LinkIdentity& links;
  // What zmesh trusts when it asks for certificates. It shows none then: a request for certificates
  // proves itself, and the links that are up or dialled meanwhile keep theirs.
  LinkIdentity& asking;
};

// The part of `verify` that every Certifier shares.
stdx::Status check_time(const Validity& validity, stdx::WallTime now, stdx::Duration leeway);
stdx::Status check_cluster(const Identity& identity, const std::string& cluster);
stdx::Status check_revoked(const Identity& identity, const std::vector<Trust::Revoked>& revoked);

// Names a key in the certificates of a zhost: 16 hex digits, the beginning of its hash.
std::string key_id(stdx::BytesView key_hash);
inline constexpr std::size_t key_id_bytes = 8;
bool is_key_id(std::string_view text);
// Serial numbers of certificates are 16 bytes: one that is neither 0 nor negative, the key_id, and
// 7 random ones. Empty where the serial reads otherwise.
std::string key_id_of_serial(std::string_view serial_hex);
// Code::denied where the role is none of `roles`.
stdx::Status check_role(const Identity& identity, const std::vector<CertificateRole>& roles);

}  // namespace ports
