// SPDX-License-Identifier: Apache-2.0
// Join tokens: made, listed and revoked by an operator, who asks through any zrms.
#include "controlplane/service.h"
#include "stdx/text.h"

namespace controlplane {

using stdx::Code;

void Service::wire_join_tokens() {
  on_of_super<v1::JoinTokenRequest, v1::JoinTokenMade>(
      "controlplane.join_token_make",
      [this](const rpc::Caller&, const v1::JoinTokenRequest& request, auto done) {
        make_join_token(request, std::move(done));
      });
  on_of_super<v1::JoinTokensRequest, v1::JoinTokenList>(
      "controlplane.join_tokens",
      [this](const rpc::Caller&, const v1::JoinTokensRequest&, auto done) {
        refresh([this, done](stdx::Status read) {
          if (!read) return done(std::unexpected(read.error()));
          done(authority_.join_tokens().list(runtime_.clock.wall()));
        });
      });
  on_of_super<v1::JoinTokenRevoke, v1::JoinTokenView>(
      "controlplane.join_token_revoke",
      [this](const rpc::Caller&, const v1::JoinTokenRevoke& request, auto done) {
        refresh([this, request, done](stdx::Status read) {
          if (!read) return done(std::unexpected(read.error()));
          revoke_join_token(request, done);
        });
      });
}

void Service::make_join_token(const v1::JoinTokenRequest& request,
                              std::function<void(stdx::Result<v1::JoinTokenMade>)> done) {
  if (const auto open = gate_.may_commit(); !open) return done(std::unexpected(open.error()));
  const auto now = runtime_.clock.wall();
  const auto token = authority_.make_join_token(runtime_.random);
  auto changes = authority_.join_tokens().make(request, token,
                                               wire::secret_hash(certifier_, token.secret), now);
  if (!changes) return done(std::unexpected(changes.error()));
  store_.commit({}, *changes, [this, token, now, changes = *changes, done](auto committed) {
    if (!committed) return done(std::unexpected(wrote(committed.error())));
    wrote();
    gate_.committed(committed->revision);
    learn_written(changes);
    v1::JoinTokenRecord record;
    record.ParseFromString(*changes.front().value);
    v1::JoinTokenMade made;
    *made.mutable_view() = JoinTokens::view_of(record, now);
    made.set_token(to_text(token));
    runtime_.log.info("join_token_made", {{"token", token.id},
                                          {"role", record.role()},
                                          {"uses", record.uses()},
                                          {"by", stdx::printable(record.made_by(), 80)}});
    done(std::move(made));
  });
}

void Service::revoke_join_token(const v1::JoinTokenRevoke& request,
                                std::function<void(stdx::Result<v1::JoinTokenView>)> done) {
  if (const auto open = gate_.may_commit(); !open) return done(std::unexpected(open.error()));
  const auto now = runtime_.clock.wall();
  const auto change = authority_.join_tokens().revoke(request, now);
  if (!change) return done(std::unexpected(change.error()));
  store_.commit({}, {*change}, [this, now, change = *change, done](auto committed) {
    if (!committed) return done(std::unexpected(wrote(committed.error())));
    wrote();
    gate_.committed(committed->revision);
    learn_written({change});
    v1::JoinTokenRecord record;
    record.ParseFromString(*change.value);
    runtime_.log.info("join_token_revoked",
                      {{"token", record.id()}, {"by", stdx::printable(record.revoked_by(), 80)}});
    done(JoinTokens::view_of(record, now));
  });
}

}  // namespace controlplane
