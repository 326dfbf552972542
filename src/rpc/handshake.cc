// SPDX-License-Identifier: Apache-2.0
#include "rpc/handshake.h"

#include "samoza/v1/envelope.pb.h"
#include "stdx/assert.h"
#include "stdx/text.h"
#include "wire/frame.h"

namespace rpc {

namespace v1 = samoza::v1;
using stdx::Code;
using Purpose = ports::ClusterKey::Purpose;

stdx::Bytes make_nonce(ports::Random& random) {
  stdx::Bytes nonce;
  for (int word = 0; word < 4; ++word) {
    const auto bits = random.next();
    for (int shift = 0; shift < 64; shift += 8) nonce.push_back(static_cast<char>(bits >> shift));
  }
  return nonce;
}

stdx::Bytes length_and(stdx::BytesView text) {
  return stdx::format("{}:{}", text.size(), text);
}

stdx::Bytes Handshake::transcript() const {
  const auto& dialler = side_ == Side::dialler ? ours_ : theirs_;
  const auto& acceptor = side_ == Side::dialler ? theirs_ : ours_;
  return length_and(dialler) + length_and(acceptor);
}

stdx::Bytes Handshake::signed_by(Side side) const {
  return length_and(side == Side::dialler ? "dialler" : "acceptor") + transcript();
}

stdx::Result<stdx::Bytes> Handshake::proof() const {
  ASSERT(!ours_.empty() && !theirs_.empty(), "a proof is of both hellos");
  v1::Proof proof;
  TRY_ASSIGN(*proof.mutable_mac(), key_.mac(Purpose::link, signed_by(side_)));
  return wire::encode_frame(wire::FrameKind::proof, proof);
}

stdx::Result<std::vector<stdx::Bytes>> Handshake::say(stdx::Bytes hello) {
  ASSERT(ours_.empty() && (side_ == Side::dialler || heard_hello()), "hellos go in their order");
  ours_ = std::move(hello);
  if (side_ == Side::dialler) {
    // Without a key there is no sense in beginning.
    if (auto key = key_.mac(Purpose::link, ""); !key) return std::unexpected(key.error());
    return std::vector{ours_};
  }
  TRY_ASSIGN(auto our_proof, proof());
  return std::vector{ours_, std::move(our_proof)};
}

stdx::Result<Handshake::Heard> Handshake::take(const stdx::Bytes& frame) {
  if (!heard_hello()) {
    if (frame.empty()) return stdx::fail(Code::invalid, "an empty frame is no hello");
    // It is kept, and whose it is is not known yet.
    if (frame.size() > hello_bytes_max)
      return stdx::fail(Code::invalid, stdx::format("a hello has at most {} bytes, not {}",
                                                    hello_bytes_max, frame.size()));
    theirs_ = frame;
    return Heard::hello;
  }
  if (ours_.empty()) return stdx::fail(Code::invalid, "a frame before its turn");
  TRY_ASSIGN(const auto kind, wire::frame_kind(frame));
  if (kind != wire::FrameKind::proof)
    return stdx::fail(Code::denied, "it does not prove the join token");
  TRY_ASSIGN(const auto proof, wire::parse_frame<v1::Proof>(frame));
  TRY(ports::check_mac(key_, Purpose::link,
                       signed_by(side_ == Side::dialler ? Side::acceptor : Side::dialler),
                       proof.mac()));
  return Heard::proof;
}

stdx::Result<bool> Handshake::step(const stdx::Bytes& frame, ports::Link& link, const Part& check,
                                   const Part& answer) {
  TRY_ASSIGN(const auto heard, take(frame));
  TRY(check());
  if (heard == Heard::hello) {
    if (side_ == Side::acceptor) TRY(answer());
    return false;
  }
  if (side_ == Side::dialler) {
    TRY_ASSIGN(auto own, proof());
    link.send(std::move(own));
  }
  return true;
}

}  // namespace rpc
