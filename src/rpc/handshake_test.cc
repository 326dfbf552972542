// SPDX-License-Identifier: Apache-2.0
#include "rpc/handshake.h"

#include <gtest/gtest.h>

#include "simkit/process.h"
#include "simkit/stub_key.h"

namespace rpc {
namespace {

using Side = Handshake::Side;
using Heard = Handshake::Heard;

// docs/wire.md, "Who may join".
struct Pair {
  simkit::StubKey key_d, key_a;
  Handshake dialler{key_d, Side::dialler}, acceptor{key_a, Side::acceptor};

  // Up to where the acceptor answered.
  std::vector<stdx::Bytes> answer(const stdx::Bytes& hello_d, const stdx::Bytes& hello_a) {
    const auto said = dialler.say(hello_d);
    EXPECT_EQ(said->size(), 1u);
    EXPECT_EQ(*acceptor.take(said->at(0)), Heard::hello);
    return *acceptor.say(hello_a);
  }
};

TEST(HandshakeTest, BothSidesProveTheTokenAndTheDiallerLast) {
  Pair pair;
  const auto answer = pair.answer("D1", "A1");
  ASSERT_EQ(answer.size(), 2u);
  EXPECT_EQ(*pair.dialler.take(answer[0]), Heard::hello);
  EXPECT_EQ(pair.dialler.their_hello(), "A1");
  EXPECT_EQ(*pair.dialler.take(answer[1]), Heard::proof);
  EXPECT_EQ(*pair.acceptor.take(*pair.dialler.proof()), Heard::proof);
  EXPECT_EQ(pair.dialler.transcript(), pair.acceptor.transcript());
}

TEST(HandshakeTest, AFalseServerIsFoundOutBeforeTheDiallerProvesAnything) {
  Pair pair;
  pair.key_a.token = "another";
  const auto answer = pair.answer("D1", "A1");
  EXPECT_EQ(*pair.dialler.take(answer[0]), Heard::hello);
  EXPECT_EQ(pair.dialler.take(answer[1]).error().code, stdx::Code::denied);
}

TEST(HandshakeTest, ADiallerWithAnotherTokenIsRefused) {
  Pair pair;
  pair.key_d.token = "another";
  const auto answer = pair.answer("D1", "A1");
  ASSERT_TRUE(pair.dialler.take(answer[0]));
  EXPECT_EQ(pair.acceptor.take(*pair.dialler.proof()).error().code, stdx::Code::denied);
}

TEST(HandshakeTest, AProofIsGoodForItsOwnLinkAndSideOnly) {
  Pair first, second;
  const auto answer = first.answer("D1", "A1");
  ASSERT_TRUE(first.dialler.take(answer[0]));
  const auto proof = *first.dialler.proof();
  second.answer("D1", "A2");  // the same hello said again meets another nonce
  EXPECT_EQ(second.acceptor.take(proof).error().code, stdx::Code::denied);
  // The acceptor's own proof sent back to it.
  EXPECT_EQ(first.acceptor.take(answer[1]).error().code, stdx::Code::denied);
}

TEST(HandshakeTest, WhoSaysEnvelopesInPlaceOfAProofIsRefused) {
  Pair pair;
  pair.answer("D1", "A1");
  EXPECT_FALSE(pair.acceptor.take("\x02"));
  EXPECT_FALSE(pair.acceptor.take(""));
  EXPECT_FALSE(pair.acceptor.take("\x06\xff"));
}

TEST(HandshakeTest, S18AHelloThatIsKeptBeforeAnythingIsProvedIsShort) {
  Pair pair;
  EXPECT_TRUE(pair.acceptor.take(stdx::Bytes(Handshake::hello_bytes_max, 'x')));
  simkit::StubKey key;
  Handshake other(key, Side::acceptor);
  EXPECT_FALSE(other.take(stdx::Bytes(Handshake::hello_bytes_max + 1, 'x')));
}

TEST(HandshakeTest, WithoutATokenNothingIsSaid) {
  simkit::StubKey key;
  key.missing = "not made yet";
  EXPECT_EQ(Handshake(key, Side::dialler).say("D").error().message, "not made yet");
  Handshake acceptor(key, Side::acceptor);
  ASSERT_TRUE(acceptor.take("D"));
  EXPECT_FALSE(acceptor.say("A"));
}

TEST(HandshakeTest, NoncesDiffer) {
  simkit::World world{1};
  simkit::Process process(world, "a", "zmesh");
  const auto nonce = make_nonce(process.runtime().random);
  EXPECT_EQ(nonce.size(), 32u);
  EXPECT_NE(nonce, make_nonce(process.runtime().random));
}

}  // namespace
}  // namespace rpc
