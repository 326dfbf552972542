// SPDX-License-Identifier: Apache-2.0
#pragma once

// The access tokens of the records: made, listed, revoked. Pure; the leader writes the rows. A row
// stays until its token has expired a while ago, a revoked one's too, so that every zhost hears of
// the revocation for as long as it matters.
//
// Bounds: tokens_max rows; past it no token is made (Code::full). Rows that are over leave with the
// next one that is made, tidied_max of them.

#include "samoza/v1/tokens.pb.h"
#include "stdx/time.h"
#include "wire/access_token.h"
#include "zrms/records.h"

namespace zrms {

class TokenBook {
 public:
  static constexpr std::size_t tokens_max = 1000;
  static constexpr std::size_t note_bytes_max = 200;
  static constexpr std::size_t tidied_max = 100;
  static constexpr std::size_t id_given_min = 4;  // as much of an id names a token
  static constexpr std::uint64_t ttl_seconds = 30 * 86'400, ttl_seconds_max = 366 * 86'400;
  static constexpr std::uint64_t shown_after_seconds = 7 * 86'400;  // that it expired

  TokenBook(const Records& records, stdx::WallTime now) : records_(records), now_(now) {}

  // Code::invalid, Code::not_found (its topology); `id` is new, `by` who asks.
  stdx::Result<v1::TokenRecord> record_of(const v1::TokenRequest& request, const std::string& id,
                                          const std::string& by) const;
  stdx::Result<std::vector<RowChange>> make(const v1::TokenRecord& record) const;

  // `id` or its beginning. A whole id that has no row is revoked, too: these records may be a copy
  // from before it was made. Empty: it was revoked before.
  stdx::Result<std::vector<RowChange>> revoke(const std::string& id, const std::string& by) const;
  // The id of the token that was meant.
  stdx::Result<std::string> find(const std::string& id) const;

  v1::TokenList list() const;
  v1::TokenView view_of(const v1::TokenRecord& record) const;

 private:
  const Records& records_;
  stdx::WallTime now_;
};

// What of it is signed.
wire::AccessToken token_of(const v1::TokenRecord& record);

}  // namespace zrms
