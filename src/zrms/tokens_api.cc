// SPDX-License-Identifier: Apache-2.0
#include "zrms/tokens_api.h"

#include "samoza/v1/api.pb.h"
#include "wire/access_token.h"
#include "wire/json.h"
#include "zrms/token_book.h"

namespace zrms {

using stdx::Code;

TokensApi::TokensApi(ports::Runtime& runtime, rpc::ServiceBus& zmesh, ports::ClusterKey* key,
                     Leader& leader, LeaderRoutes& routes)
    : runtime_(runtime), key_(key), leader_(leader) {
  zmesh.on("zmesh.revoked",
           rpc::event<v1::RevokedTokens>([this](const rpc::Caller&, v1::RevokedTokens revoked) {
             if (on_revoked) on_revoked({revoked.tokens().begin(), revoked.tokens().end()});
           }));
  routes.add_reader("/v1/cluster/tokens", [this](wire::RouteMatch, ports::HttpReply reply) {
    reply(wire::json_response(TokenBook(leader_.records(), runtime_.clock.wall()).list()));
  });
  routes.add("POST", "/v1/cluster/tokens",
             [this, &routes](wire::RouteMatch match, ports::HttpReply reply) {
               const bool for_another = match.request.headers.contains(":forwarded");
               if (!for_another && key_ == nullptr)
                 return reply(wire::error_response(
                     {Code::unsupported, "this zrms has no key to sign tokens with"}));
               const auto answer = [this, reply, for_another,
                                    alive = std::weak_ptr<bool>(alive_)](ports::HttpResponse made) {
                 if (alive.expired() || for_another) return reply(std::move(made));
                 reply(with_token(std::move(made)));
               };
               if (!routes.forwarded(match.request, answer)) make(match.request, answer);
             });
  routes.add("POST", "/v1/cluster/tokens/{id}/revoke",
             [this, &routes](wire::RouteMatch match, ports::HttpReply reply) {
               if (!routes.forwarded(match.request, reply))
                 revoke(match.parameters["id"], match.request, std::move(reply));
             });
}

void TokensApi::make(const ports::HttpRequest& request, ports::HttpReply reply) {
  if (!leader_.ready())
    return reply(wire::error_response({Code::unavailable, leader_.why_not_ready()}));
  v1::TokenRequest asked;
  if (auto good = wire::from_json(request.body, asked); !good)
    return reply(wire::error_response(good.error()));
  const auto now = runtime_.clock.wall();
  const auto id = stdx::format("{:016x}", runtime_.random.next() | 1);
  const auto record = TokenBook(leader_.records(), now).record_of(asked, id, actor_of(request));
  if (!record) return reply(wire::error_response(record.error()));
  leader_.change(
      [record = *record, now](const Records& records) {
        return TokenBook(records, now).make(record);
      },
      [this, record = *record, now, reply,
       alive = std::weak_ptr<bool>(alive_)](stdx::Status written) {
        if (!written) return reply(wire::error_response(written.error()));
        if (alive.expired())
          return reply(wire::error_response({Code::unavailable, "this zrms is stopping"}));
        v1::TokenMade made;
        *made.mutable_view() = TokenBook(leader_.records(), now).view_of(record);
        reply(wire::json_response(made));
      });
}

ports::HttpResponse TokensApi::with_token(ports::HttpResponse response) const {
  if (response.status != 200) return response;
  v1::TokenMade made;
  if (auto good = wire::from_json(response.body, made); !good)
    return wire::error_response(good.error());
  const auto& view = made.view();
  const auto role = wire::role_named(view.role());
  if (!role) return wire::error_response(role.error());
  auto text = wire::sign(*key_, {view.id(), *role, view.topology(), view.expires_seconds()});
  if (!text) return wire::error_response(text.error());
  made.set_token(std::move(*text));
  return wire::json_response(made);
}

void TokensApi::revoke(const std::string& id, const ports::HttpRequest& request,
                       ports::HttpReply reply) {
  if (!leader_.ready())
    return reply(wire::error_response({Code::unavailable, leader_.why_not_ready()}));
  const auto now = runtime_.clock.wall();
  const auto found = TokenBook(leader_.records(), now).find(id);
  if (!found) return reply(wire::error_response(found.error()));
  leader_.change(
      [id = *found, now, by = actor_of(request)](const Records& records) {
        return TokenBook(records, now).revoke(id, by);
      },
      [this, id = *found, now, reply, alive = std::weak_ptr<bool>(alive_)](stdx::Status written) {
        if (!written) return reply(wire::error_response(written.error()));
        if (alive.expired())
          return reply(wire::error_response({Code::unavailable, "this zrms is stopping"}));
        const auto row = leader_.records().tokens().find(id);
        if (row == leader_.records().tokens().end())
          return reply(wire::json_response(v1::TokenView()));
        reply(wire::json_response(TokenBook(leader_.records(), now).view_of(row->second.record)));
      });
}

}  // namespace zrms
