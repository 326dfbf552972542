// SPDX-License-Identifier: Apache-2.0
#include "controlplane/key_book.h"

#include <gtest/gtest.h>

#include "simkit/stub_certifier.h"
#include "wire/key_ring.h"

namespace controlplane {
namespace {

using namespace std::chrono_literals;
using Purpose = ports::ClusterKey::Purpose;

struct Fixture : testing::Test {
  simkit::StubCertifier certifier;
  stdx::Bytes authority_key = certifier.make_key();
  stdx::WallTime now{std::chrono::hours(500'000)};
  Seal seal{certifier, authority_key};
  KeyBook book = make();

  KeyBook make() { return {seal, now}; }
  void write(KeyBook& to, const ports::RecordChange& change) {
    v1::KeysRecord record;
    ASSERT_TRUE(record.ParseFromString(*change.value));
    EXPECT_EQ(change.expected_version, to.version());
    to.learn(record, change.expected_version + 1);
  }
  stdx::Bytes used(const v1::KeyRing& ring, stdx::WallTime at, Purpose purpose = Purpose::beat) {
    return wire::key_in_use(ring, purpose, at)->secret();
  }
  bool good(const v1::KeyRing& ring, const stdx::Bytes& secret, stdx::WallTime at,
            Purpose purpose = Purpose::beat) {
    for (const auto* key : wire::good_keys(ring, purpose, at))
      if (key->secret() == secret) return true;
    return false;
  }
};
using KeyBookTest = Fixture;

TEST_F(KeyBookTest, TheFirstKeysAreThereWithoutARecordAndAlikeInEveryControlPlane) {
  EXPECT_EQ(book.due(now), std::nullopt);
  const auto ring = book.ring(now), other = make().ring(now);
  ASSERT_TRUE(wire::check_ring(ring));
  EXPECT_EQ(ring.SerializeAsString(), other.SerializeAsString());
  EXPECT_NE(ring.beat(0).secret(), ring.access(0).secret());
  const Seal foreign(certifier, certifier.make_key());
  KeyBook another(foreign, now);
  EXPECT_NE(another.ring(now).beat(0).secret(), ring.beat(0).secret());
  EXPECT_EQ(ring.SerializeAsString().find(authority_key), std::string::npos);
}

// Whoever asked within use_after has the key before anybody uses it; and who has not asked since
// is heard until the overlap ends.
TEST_F(KeyBookTest, AChangeOfKeysLosesNothing) {
  const auto before = book.ring(now);
  now += KeyBook::change_every;
  const auto change = book.due(now);
  ASSERT_TRUE(change);
  write(book, *change);
  EXPECT_EQ(book.due(now), std::nullopt) << "once";
  EXPECT_EQ(book.generation(), 4u);
  const auto after = book.ring(now);
  const auto key = used(before, now);
  EXPECT_EQ(used(after, now + KeyBook::use_after - 1ms), key);
  const auto next = used(after, now + KeyBook::use_after);
  EXPECT_NE(next, key);
  EXPECT_TRUE(good(after, next, now)) << "by a clock that is ahead";
  EXPECT_TRUE(good(after, key, now + KeyBook::use_after + KeyBook::beat_overlap - 1ms));
  EXPECT_FALSE(good(after, key, now + KeyBook::use_after + KeyBook::beat_overlap));
  // An access token of a year made on the day before.
  const auto access = used(after, now + KeyBook::use_after - 1ms, Purpose::access);
  EXPECT_TRUE(good(after, access, now + 24h * 366, Purpose::access));
  for (int month = 0; month < 40; ++month) {
    now += KeyBook::change_every;
    write(book, *book.due(now));
  }
  EXPECT_LE(book.ring(now).beat_size(), 2);
  EXPECT_LE(book.ring(now).access_size(), 14);
}

TEST_F(KeyBookTest, ForgettingAZhostChangesTheKeyOfBeatsWithinSecondsAndNoAccessToken) {
  const auto before = book.ring(now);
  write(book, book.zhost_forgotten(now));
  const auto ring = book.ring(now);
  const auto key = used(before, now);
  EXPECT_EQ(used(ring, now + 9s), key);
  EXPECT_NE(used(ring, now + 10s), key);
  EXPECT_TRUE(good(ring, key, now + 69s));
  EXPECT_FALSE(good(ring, key, now + 70s));
  EXPECT_EQ(ring.access_size(), 1);
  for (int i = 0; i < 200; ++i) write(book, book.zhost_forgotten(now));
  EXPECT_LE(book.ring(now).beat_size(), wire::keys_max);
  EXPECT_TRUE(wire::check_ring(book.ring(now)));
}

TEST_F(KeyBookTest, RecordsThatWerePutBackGoOnAfterTheKeysThatZhostsHave) {
  write(book, book.zhost_forgotten(now));
  write(book, book.zhost_forgotten(now));
  const auto theirs = book.ring(now);
  auto old = make();
  const auto change = old.ahead(3, 1, theirs.seal(), now);
  ASSERT_TRUE(change);
  write(old, *change);
  EXPECT_EQ(used(old.ring(now), now), wire::good_keys(theirs, Purpose::beat, now)[0]->secret());
  EXPECT_EQ(old.ahead(3, 1, theirs.seal(), now), std::nullopt);
}

TEST_F(KeyBookTest, AZhostCannotPushOutTheKeysThatAreInUse) {
  const auto ring = book.ring(now);
  EXPECT_EQ(book.ahead(2, 1, ring.seal(), now), std::nullopt) << "it is the seal of others";
  EXPECT_EQ(book.ahead(2, 1, "", now), std::nullopt);
  EXPECT_EQ(book.ahead(2, 1, stdx::Bytes(32, 's'), now), std::nullopt);
  // Its own control plane was that far ahead, and no cluster is.
  auto far = make();
  for (std::uint64_t i = 0; i <= KeyBook::ahead_max; ++i) write(far, far.zhost_forgotten(now));
  const auto theirs = far.ring(now);
  EXPECT_EQ(book.ahead(wire::newest_generation(theirs.beat()), 1, theirs.seal(), now),
            std::nullopt);
}

}  // namespace
}  // namespace controlplane
