// SPDX-License-Identifier: Apache-2.0
#pragma once

// One side of a TLS 1.3 connection, without its socket: bytes of the network go in, bytes for the
// network come out. Both sides show certificates of the cluster (ports/credentials.h) and verify
// them by the Trust of their Context; nothing older than TLS 1.3, no session tickets, no early
// data, no renegotiation.
//
// Not thread-safe; a Session belongs to one loop. Bounds: what waits to go out is bounded by its
// owner, who sends it; an idle session holds no record buffers.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ports/credentials.h"

namespace adapters::tls {

enum class Side { client, server };

// What this process shows and whom it trusts. Connections keep what they began with.
class Context final : public ports::LinkIdentity {
 public:
  // `wall`: what certificates are judged by.
  explicit Context(std::function<stdx::WallTime()> wall);
  ~Context() override;

  stdx::Status use(const ports::KeyAndCertificate& own, const ports::Trust& trust) override;
  bool has_certificate() const;

  struct Impl;
  const std::shared_ptr<const Impl>& impl() const { return impl_; }
  const std::function<stdx::WallTime()>& wall() const { return wall_; }

 private:
  std::function<stdx::WallTime()> wall_;
  std::shared_ptr<const Impl> impl_;
};

// What a Session wants of the other side.
struct Expect {
  // ALPN: a client offers it, a server takes no other; empty: any.
  std::string protocol;
  bool protocol_needed = true;  // else who offers none gets in, too
  std::vector<ports::CertificateRole> roles;
  // Of a server: who shows no certificate gets in, as Identity of role `none`. One that is shown
  // must be good all the same.
  bool certificate_needed = true;
};

class Session {
 public:
  // Code::unavailable while the Context has not what the side needs.
  static stdx::Result<std::unique_ptr<Session>> make(const Context& context, Side side,
                                                     Expect expect);
  ~Session();

  // What a client says first; nothing for a server.
  stdx::Status begin();
  // Bytes from the network. They must live until `read` gave 0.
  stdx::Status feed(stdx::BytesView cipher);
  // Plain bytes into `to`; 0: there are no more until the next feed.
  stdx::Result<std::size_t> read(char* to, std::size_t room);
  // Once ready(). Its cipher bytes are in outgoing().
  stdx::Status write(stdx::BytesView plain);
  // Says that nothing follows.
  void finish();

  // What is to go out; whoever sends it takes it away.
  std::string& outgoing();
  bool ready() const;  // the handshake is over
  bool ended() const;  // the other side said that nothing follows
  const ports::Identity& peer() const;

  struct Impl;

 private:
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The protocols (ALPN) that the first bytes of a connection offer. `wanted` more bytes tell; a
// Code::invalid says that it is no TLS. Nothing is kept or answered.
struct Offered {
  bool whole = false;  // else more bytes are needed
  std::vector<std::string> protocols;
};
stdx::Result<Offered> offered_protocols(stdx::BytesView first);
// So many first bytes are looked at; a ClientHello of ours is far smaller.
inline constexpr std::size_t hello_bytes_max = 4096;

}  // namespace adapters::tls
