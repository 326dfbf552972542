// SPDX-License-Identifier: Apache-2.0
#pragma once

// How both sides of a link prove the join token to each other without saying it (docs/wire.md):
//
//   dialler                            acceptor
//   hello (with a nonce)       ->
//                              <-      hello (with a nonce), proof
//   proof                      ->
//
// A proof is the MAC of "dialler" or "acceptor" and of both hellos as they were sent. The nonces
// make it good for this link alone, the side keeps it from being sent back to who made it, and who
// accepts proves itself first, so a false server gets nothing at all from who dials it.
//
// It does not encrypt or sign what follows, and who sits between two honest sides can pass a
// handshake on; links of 9201 hinder that by `PeerHello.to`, mutual TLS would end it.
//
// Frames in, frames out; only `step` sends by itself. One for each link; not thread-safe.

#include <functional>
#include <string>
#include <vector>

#include "ports/cluster_key.h"
#include "ports/random.h"
#include "ports/transport.h"
#include "stdx/bytes.h"
#include "stdx/result.h"

namespace rpc {

// 32 random bytes.
stdx::Bytes make_nonce(ports::Random& random);

class Handshake {
 public:
  enum class Side { dialler, acceptor };
  static constexpr std::size_t hello_bytes_max = 4096;

  Handshake(ports::ClusterKey& key, Side side) : key_(key), side_(side) {}

  // Our hello frame: the dialler's at the beginning, the acceptor's once the other's was good.
  // Gives the frames to send; fails while there is no key.
  stdx::Result<std::vector<stdx::Bytes>> say(stdx::Bytes hello);

  enum class Heard {
    hello,  // see their_hello(); it is proved later
    proof,  // the other side is one of the cluster; a dialler now sends proof()
  };
  // The next frame of the other side. Code::denied: it does not know the token. Code::invalid: it
  // is not its turn, or the frame is none of a handshake.
  stdx::Result<Heard> take(const stdx::Bytes& frame);
  // The same with what follows from it: `check` judges their hello, again at their proof (what is
  // known of them may have changed); an acceptor then gives its `answer`, a dialler sends its
  // proof. True once the other side is proved to be one of the cluster.
  using Part = std::function<stdx::Status()>;
  stdx::Result<bool> step(const stdx::Bytes& frame, ports::Link& link, const Part& check,
                          const Part& answer);
  const stdx::Bytes& their_hello() const { return theirs_; }
  bool heard_hello() const { return !theirs_.empty(); }
  // What proves us, for the dialler to send.
  stdx::Result<stdx::Bytes> proof() const;

  // Both hellos, so that what is said outside of the link can be bound to it.
  stdx::Bytes transcript() const;

 private:
  stdx::Bytes signed_by(Side side) const;

  ports::ClusterKey& key_;
  Side side_;
  stdx::Bytes ours_, theirs_;
};

// `text` with its length before it, so that a list of them can be read in one way only.
stdx::Bytes length_and(stdx::BytesView text);

}  // namespace rpc
