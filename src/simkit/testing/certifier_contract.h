// SPDX-License-Identifier: Apache-2.0
#pragma once

// What every ports::Certifier promises. A test names a type with `std::unique_ptr<Certifier>
// make()`.

#include <gtest/gtest.h>

#include <memory>

#include "ports/credentials.h"

namespace simkit {

using namespace std::chrono_literals;

template <typename Maker>
struct CertifierContract : testing::Test {
  using Roles = ports::CertificateRole;

  std::unique_ptr<ports::Certifier> certifier = Maker::make();
  const stdx::WallTime now{std::chrono::seconds(1'800'000'000)};
  ports::KeyAndCertificate authority = make_authority("plant");

  ports::KeyAndCertificate make_authority(const std::string& cluster) {
    const auto key = certifier->make_key();
    return {key, *certifier->make_authority(key, cluster, {now - 24h, now + 24h * 365})};
  }
  ports::Certifier::Issue issue_of(Roles role, const std::string& name,
                                   const std::string& cluster = "plant") {
    return {{cluster, role, name}, {now - 2h, now + 24h}, {}};
  }
  stdx::Bytes certificate_of(const stdx::Bytes& key, const ports::Certifier::Issue& issue) {
    return *certifier->issue(authority, *certifier->make_request(key), issue);
  }
  ports::Trust trust(const std::string& cluster = "plant") {
    return {cluster, {authority.certificate}, {}, 1h};
  }
  // The message of the refusal; empty: it was accepted.
  std::string refusal(const stdx::Bytes& certificate, const ports::Trust& trusted,
                      stdx::WallTime at, const std::vector<stdx::Bytes>& shown = {}) {
    const auto verified = certifier->verify(certificate, shown, trusted, at);
    if (verified) return "";
    EXPECT_EQ(verified.error().code, stdx::Code::denied);
    return verified.error().message;
  }
};
TYPED_TEST_SUITE_P(CertifierContract);

TYPED_TEST_P(CertifierContract, ACertificateOfAForgottenZhostIsRefusedAndALaterOneIsNot) {
  using R = typename TestFixture::Roles;
  const auto key = this->certifier->make_key();
  auto trust = this->trust();
  const auto hash = *this->certifier->key_hash(key);
  trust.revoked = {{"z1", ports::key_id(hash)}};
  for (const auto role : {R::zhost, R::data}) {
    auto issue = this->issue_of(role, "z1");
    issue.proved_key_hash = hash;
    // As those of data links, which have a key of their own.
    const auto former = this->certificate_of(this->certifier->make_key(), issue);
    EXPECT_EQ(this->certifier->read(former)->identity.key_id, ports::key_id(hash));
    EXPECT_EQ(this->refusal(former, this->trust(), this->now), "");
    EXPECT_NE(this->refusal(former, trust, this->now).find("was forgotten"), std::string::npos);
    auto anew = issue;
    anew.proved_key_hash = *this->certifier->key_hash(this->certifier->make_key());
    anew.validity.not_before -= 24h;  // the clocks do not count
    EXPECT_EQ(this->refusal(this->certificate_of(key, anew), trust, this->now), "");
    auto other = this->issue_of(role, "z2");
    other.proved_key_hash = hash;
    EXPECT_EQ(this->refusal(this->certificate_of(key, other), trust, this->now), "");
  }
}

TYPED_TEST_P(CertifierContract, ACertificateSaysWhoseItIsAndIsVerifiedByTheClusterOfItsAuthority) {
  const auto key = this->certifier->make_key();
  const auto certificate =
      this->certificate_of(key, this->issue_of(TestFixture::Roles::zhost, "z1"));
  const auto verified = this->certifier->verify(certificate, {}, this->trust(), this->now);
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->identity, (ports::Identity{"plant", TestFixture::Roles::zhost, "z1"}));
  EXPECT_EQ(verified->validity.not_after, this->now + 24h);
  EXPECT_EQ(verified->validity.not_before, this->now - 2h);
  EXPECT_EQ(verified->key_hash, *this->certifier->key_hash(key));
  EXPECT_FALSE(verified->serial.empty());
  EXPECT_EQ(this->certifier->read(certificate)->identity, verified->identity);
}

TYPED_TEST_P(CertifierContract, EveryRoleIsKeptAndOnlyAWantedOneIsGood) {
  using Role = typename TestFixture::Roles;
  for (const auto role : {Role::zhost, Role::data, Role::operator_role, Role::control_plane}) {
    const auto certificate = this->certificate_of(
        this->certifier->make_key(), this->issue_of(role, role == Role::control_plane ? "" : "x"));
    const auto verified = this->certifier->verify(certificate, {}, this->trust(), this->now);
    ASSERT_TRUE(verified) << verified.error().message;
    EXPECT_EQ(verified->identity.role, role);
    EXPECT_EQ(bool(ports::check_role(verified->identity, {Role::data})), role == Role::data);
  }
}

TYPED_TEST_P(CertifierContract, ACertificateOfAnotherAuthorityOrClusterIsRefused) {
  const auto key = this->certifier->make_key();
  const auto certificate =
      this->certificate_of(key, this->issue_of(TestFixture::Roles::zhost, "z1"));
  auto other = this->trust();
  other.authorities = {this->make_authority("plant").certificate};
  EXPECT_NE(this->refusal(certificate, other, this->now).find("authority"), std::string::npos);
  EXPECT_NE(this->refusal(certificate, this->trust("field"), this->now).find("'plant'"),
            std::string::npos);
  auto nobody = this->trust();
  nobody.authorities.clear();
  EXPECT_FALSE(this->refusal(certificate, nobody, this->now, {this->authority.certificate}).empty())
      << "what the other side shows is believed only where a token pins it";
}

TYPED_TEST_P(CertifierContract, NeitherAnAuthoritysNorAZhostsOwnSignatureMakesAnIdentity) {
  EXPECT_FALSE(this->refusal(this->authority.certificate, this->trust(), this->now).empty());
  // A zhost that signs a certificate with its own key.
  const auto key = this->certifier->make_key();
  const ports::KeyAndCertificate zhost{
      key, this->certificate_of(key, this->issue_of(TestFixture::Roles::zhost, "z1"))};
  const auto request = *this->certifier->make_request(this->certifier->make_key());
  const auto made =
      this->certifier->issue(zhost, request, this->issue_of(TestFixture::Roles::control_plane, ""));
  if (!made) return;
  EXPECT_FALSE(this->refusal(*made, this->trust(), this->now, {zhost.certificate}).empty());
}

TYPED_TEST_P(CertifierContract, TimesCountWithALeewayForClocksThatAreWrong) {
  const auto certificate = this->certificate_of(this->certifier->make_key(),
                                                this->issue_of(TestFixture::Roles::zhost, "z1"));
  EXPECT_EQ(this->refusal(certificate, this->trust(), this->now + 24h + 59min), "");
  EXPECT_NE(this->refusal(certificate, this->trust(), this->now + 25h + 1min).find("expired at 20"),
            std::string::npos);
  EXPECT_EQ(this->refusal(certificate, this->trust(), this->now - 2h - 59min), "");
  EXPECT_NE(this->refusal(certificate, this->trust(), this->now - 3h - 1min).find("valid from 20"),
            std::string::npos);
  EXPECT_TRUE(this->certifier->verify(certificate, {}, this->trust(), this->now + 24h * 400, true));
}

TYPED_TEST_P(CertifierContract, ATokenPinsTheAuthorityThatTheOtherSideShows) {
  const auto certificate = this->certificate_of(
      this->certifier->make_key(), this->issue_of(TestFixture::Roles::control_plane, ""));
  ports::Trust pinned{"plant", {}, *this->certifier->key_hash(this->authority.key), 1h};
  EXPECT_EQ(*this->certifier->key_hash(this->authority.certificate), pinned.pinned_key_hash);
  EXPECT_EQ(this->refusal(certificate, pinned, this->now, {this->authority.certificate}), "");
  EXPECT_FALSE(this->refusal(certificate, pinned, this->now, {}).empty());
  const auto other = this->make_authority("plant");
  EXPECT_FALSE(this->refusal(certificate, pinned, this->now, {other.certificate}).empty());
  pinned.pinned_key_hash = *this->certifier->key_hash(other.key);
  EXPECT_FALSE(this->refusal(certificate, pinned, this->now,
                             {this->authority.certificate, other.certificate})
                   .empty());
}

TYPED_TEST_P(CertifierContract, ARequestProvesItsKeyAndGarbageIsRefused) {
  const auto key = this->certifier->make_key();
  const auto request = *this->certifier->make_request(key);
  EXPECT_EQ(*this->certifier->check_request(request), *this->certifier->key_hash(key));
  EXPECT_NE(*this->certifier->key_hash(this->certifier->make_key()),
            *this->certifier->key_hash(key));
  for (std::size_t at = 0; at < request.size(); at += 7) {
    auto changed = request;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    const auto checked = this->certifier->check_request(changed);
    EXPECT_EQ(checked.value_or(*this->certifier->key_hash(key)), *this->certifier->key_hash(key))
        << at;
  }
  const auto issue = this->issue_of(TestFixture::Roles::zhost, "z1");
  for (const auto& garbage :
       {stdx::Bytes(), stdx::Bytes("x"), stdx::Bytes(5000, '\xff'), key,
        request.substr(0, request.size() / 2), this->authority.certificate.substr(0, 60)}) {
    EXPECT_FALSE(this->certifier->check_request(garbage));
    EXPECT_FALSE(this->certifier->issue(this->authority, garbage, issue));
    EXPECT_FALSE(this->certifier->read(garbage));
    EXPECT_FALSE(this->certifier->verify(garbage, {garbage}, this->trust(), this->now));
    if (garbage == key) continue;
    EXPECT_FALSE(this->certifier->key_hash(garbage));
    EXPECT_FALSE(this->certifier->make_request(garbage));
    EXPECT_FALSE(this->certifier->make_authority(garbage, "plant", issue.validity));
  }
}

TYPED_TEST_P(CertifierContract, ASignatureIsGoodForItsKeyAndMessageOnly) {
  const auto key = this->certifier->make_key();
  const auto request = *this->certifier->make_request(key);
  auto signature = *this->certifier->sign(key, "message");
  EXPECT_TRUE(this->certifier->check_signature(request, "message", signature));
  EXPECT_FALSE(this->certifier->check_signature(request, "massage", signature));
  EXPECT_FALSE(this->certifier->check_signature(request, "message", ""));
  EXPECT_FALSE(this->certifier->check_signature("garbage", "message", signature));
  const auto other = *this->certifier->make_request(this->certifier->make_key());
  EXPECT_FALSE(this->certifier->check_signature(other, "message", signature));
  signature[signature.size() / 2] ^= 1;
  EXPECT_FALSE(this->certifier->check_signature(request, "message", signature));
  EXPECT_FALSE(this->certifier->sign("garbage", "message"));
}

TYPED_TEST_P(CertifierContract, AnAuthorityWithAnotherKeyThanItsCertificateIssuesNothing) {
  const auto request = *this->certifier->make_request(this->certifier->make_key());
  EXPECT_FALSE(this->certifier->issue({this->certifier->make_key(), this->authority.certificate},
                                      request, this->issue_of(TestFixture::Roles::zhost, "z1")));
}

REGISTER_TYPED_TEST_SUITE_P(
    CertifierContract, ACertificateSaysWhoseItIsAndIsVerifiedByTheClusterOfItsAuthority,
    ACertificateOfAForgottenZhostIsRefusedAndALaterOneIsNot, EveryRoleIsKeptAndOnlyAWantedOneIsGood,
    ACertificateOfAnotherAuthorityOrClusterIsRefused,
    NeitherAnAuthoritysNorAZhostsOwnSignatureMakesAnIdentity,
    TimesCountWithALeewayForClocksThatAreWrong, ATokenPinsTheAuthorityThatTheOtherSideShows,
    ARequestProvesItsKeyAndGarbageIsRefused, ASignatureIsGoodForItsKeyAndMessageOnly,
    AnAuthorityWithAnotherKeyThanItsCertificateIssuesNothing);

}  // namespace simkit
