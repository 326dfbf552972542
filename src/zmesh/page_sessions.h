// SPDX-License-Identifier: Apache-2.0
#pragma once

// Who may open the page of a UI space: a browser with a session. It gets one for an access token in
// the login form, or for a ticket, which an operator asks for (`spaces open`); the session is a
// cookie that opens this page alone, on every zhost, and ends with the token it was given for
// (wire/access_token.h). A ticket works once, on this zhost, within ticket_lasts.
//
// Pure; the first tickets go when there are tickets_max.

#include <map>
#include <optional>
#include <string>

#include "ports/cluster_key.h"
#include "ports/http.h"
#include "ports/runtime.h"
#include "wire/access_token.h"
#include "wire/revoked_tokens.h"

namespace zmesh {

class PageSessions {
 public:
  static constexpr std::size_t tickets_max = 100;
  static constexpr std::uint64_t ticket_lasts = 60, session_lasts = 12 * 3600;  // seconds
  static constexpr const char* cookie_name = "samoza_session";

  struct Page {
    std::string topology, space;  // names
    std::string scope() const { return topology + "/" + space; }
  };
  struct Session {
    std::string token_id;
    std::uint64_t expires = 0;
  };

  PageSessions(ports::Runtime& runtime, ports::ClusterKey* key, const wire::RevokedTokens* revoked)
      : runtime_(runtime), key_(key), revoked_(revoked) {}

  std::optional<Session> session_of(const ports::HttpRequest& request, const Page& page) const;
  bool holds(const Session& session) const;

  // The value of ?ticket=. `expires`: when the token expires that it is given for.
  std::string give_ticket(const Page& page, const std::string& token_id, std::uint64_t expires);

  // What the browser is sent: to `where` with a session; an error where there is none.
  stdx::Result<ports::HttpResponse> log_in(const Page& page, const std::string& token,
                                           const std::string& where) const;
  stdx::Result<ports::HttpResponse> take_ticket(const Page& page, const std::string& ticket,
                                                const std::string& where);

 private:
  stdx::Result<ports::HttpResponse> begin(const Page& page, Session session,
                                          const std::string& where) const;
  std::uint64_t now() const { return wire::seconds_of(runtime_.clock.wall()); }

  struct Ticket {
    std::string scope;
    Session session;
    std::uint64_t ends = 0;
  };
  ports::Runtime& runtime_;
  ports::ClusterKey* key_;  // null: nobody gets in
  const wire::RevokedTokens* revoked_;
  std::map<std::string, Ticket> tickets_;
};

// The form for a token, as a page; `why` is what was wrong with the last one.
ports::HttpResponse login_page(const PageSessions::Page& page, const std::string& where,
                               const std::string& why);
// A page that says one thing.
ports::HttpResponse message_page(int status, const std::string& title, const std::string& text);

// A field of an application/x-www-form-urlencoded body.
std::string form_field(stdx::BytesView body, std::string_view name);
// Where to go after a login: a path of this origin, "/" for anything else.
std::string local_path(const std::string& asked);

}  // namespace zmesh
