// SPDX-License-Identifier: Apache-2.0
// Access tokens over HTTP: the leader writes what a token may; the zrms that was asked signs it, so
// that the token itself is in no message between zhosts.
#include "wire/json.h"
#include "zrms/service.h"
#include "zrms/token_book.h"

namespace zrms {

using stdx::Code;

namespace {

std::string actor_of(const ports::HttpRequest& request) {
  const auto at = request.headers.find(":actor");
  return at == request.headers.end() || at->second.empty() ? "an unknown caller" : at->second;
}

}  // namespace

void Service::wire_tokens() {
  zmesh_.on("zmesh.revoked",
            rpc::event<v1::RevokedTokens>([this](const rpc::Caller&, v1::RevokedTokens revoked) {
              if (on_revoked) on_revoked({revoked.tokens().begin(), revoked.tokens().end()});
            }));
  add_reader("/v1/cluster/tokens", [this](wire::RouteMatch, ports::HttpReply reply) {
    reply(wire::json_response(TokenBook(leader_.records(), runtime_.clock.wall()).list()));
  });
  router_.add("POST", "/v1/cluster/tokens", [this](wire::RouteMatch match, ports::HttpReply reply) {
    const bool for_another = match.request.headers.contains(":forwarded");
    if (!for_another && options_.key == nullptr)
      return reply(
          wire::error_response({Code::unsupported, "this zrms has no key to sign tokens with"}));
    const auto answer = [this, reply, for_another,
                         alive = std::weak_ptr<bool>(alive_)](ports::HttpResponse made) {
      if (alive.expired() || for_another) return reply(std::move(made));
      reply(with_token(std::move(made)));
    };
    if (!forwarded(match.request, answer)) make_token(match.request, answer);
  });
  router_.add("POST", "/v1/cluster/tokens/{id}/revoke",
              [this](wire::RouteMatch match, ports::HttpReply reply) {
                if (!forwarded(match.request, reply))
                  revoke_token(match.parameters["id"], match.request, std::move(reply));
              });
}

void Service::make_token(const ports::HttpRequest& request, ports::HttpReply reply) {
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

ports::HttpResponse Service::with_token(ports::HttpResponse response) const {
  if (response.status != 200) return response;
  v1::TokenMade made;
  if (auto good = wire::from_json(response.body, made); !good)
    return wire::error_response(good.error());
  const auto& view = made.view();
  const auto role = wire::role_named(view.role());
  if (!role) return wire::error_response(role.error());
  auto text =
      wire::sign(*options_.key, {view.id(), *role, view.topology(), view.expires_seconds()});
  if (!text) return wire::error_response(text.error());
  made.set_token(std::move(*text));
  return wire::json_response(made);
}

void Service::revoke_token(const std::string& id, const ports::HttpRequest& request,
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
