// SPDX-License-Identifier: Apache-2.0
#include "controlplane/join_tokens_api.h"

#include "stdx/text.h"

namespace controlplane {

using stdx::Code;

JoinTokensApi::JoinTokensApi(ports::Runtime& runtime, ports::Store& store,
                             ports::Certifier& certifier, Authority& authority, RecordsGate& gate,
                             RecordsCache& records, SuperMethods methods)
    : runtime_(runtime),
      store_(store),
      certifier_(certifier),
      authority_(authority),
      gate_(gate),
      records_(records) {
  methods.on<v1::JoinTokenRequest, v1::JoinTokenMade>(
      "controlplane.join_token_make",
      [this](const rpc::Caller&, const v1::JoinTokenRequest& request, auto done) {
        make(request, std::move(done));
      });
  methods.on<v1::JoinTokensRequest, v1::JoinTokenList>(
      "controlplane.join_tokens",
      [this](const rpc::Caller&, const v1::JoinTokensRequest&, auto done) {
        records_.refresh([this, done](stdx::Status read) {
          if (!read) return done(std::unexpected(read.error()));
          done(authority_.join_tokens().list(runtime_.clock.wall()));
        });
      });
  methods.on<v1::JoinTokenRevoke, v1::JoinTokenView>(
      "controlplane.join_token_revoke",
      [this](const rpc::Caller&, const v1::JoinTokenRevoke& request, auto done) {
        records_.refresh([this, request, done](stdx::Status read) {
          if (!read) return done(std::unexpected(read.error()));
          revoke(request, done);
        });
      });
}

void JoinTokensApi::make(const v1::JoinTokenRequest& request, Done<v1::JoinTokenMade> done) {
  if (const auto open = gate_.may_commit(); !open) return done(std::unexpected(open.error()));
  const auto now = runtime_.clock.wall();
  const auto token = authority_.make_join_token(runtime_.random);
  auto changes = authority_.join_tokens().make(request, token,
                                               wire::secret_hash(certifier_, token.secret), now);
  if (!changes) return done(std::unexpected(changes.error()));
  store_.commit({}, *changes, [this, token, now, changes = *changes, done](auto committed) {
    if (!committed) return done(std::unexpected(records_.write_failed(committed.error())));
    records_.write_succeeded();
    gate_.committed(committed->revision);
    records_.learn_written(changes);
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

void JoinTokensApi::revoke(const v1::JoinTokenRevoke& request, Done<v1::JoinTokenView> done) {
  if (const auto open = gate_.may_commit(); !open) return done(std::unexpected(open.error()));
  const auto now = runtime_.clock.wall();
  const auto change = authority_.join_tokens().revoke(request, now);
  if (!change) return done(std::unexpected(change.error()));
  store_.commit({}, {*change}, [this, now, change = *change, done](auto committed) {
    if (!committed) return done(std::unexpected(records_.write_failed(committed.error())));
    records_.write_succeeded();
    gate_.committed(committed->revision);
    records_.learn_written({change});
    v1::JoinTokenRecord record;
    record.ParseFromString(*change.value);
    runtime_.log.info("join_token_revoked",
                      {{"token", record.id()}, {"by", stdx::printable(record.revoked_by(), 80)}});
    done(JoinTokens::view_of(record, now));
  });
}

}  // namespace controlplane
