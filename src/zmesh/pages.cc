// SPDX-License-Identifier: Apache-2.0
#include "zmesh/pages.h"

#include <algorithm>
#include <set>

#include "model/page_host.h"
#include "stdx/text.h"
#include "wire/json.h"

namespace zmesh {

using stdx::Code;

namespace {

std::string header(const ports::HttpRequest& request, const char* name) {
  const auto at = request.headers.find(name);
  return at == request.headers.end() ? "" : at->second;
}

PageSessions::Page names_of(const v1::DirectoryEntry& entry) {
  return {entry.topology(), entry.space()};
}

bool wants_html(const ports::HttpRequest& request) {
  return header(request, "accept").find("text/html") != std::string::npos;
}

// A browser says where the page is from that asks; a proxy in between may speak TLS.
bool is_from_here(const ports::HttpRequest& request) {
  const auto origin = header(request, "origin"), host = header(request, "host");
  return origin.empty() || origin == "http://" + host || origin == "https://" + host;
}

ports::HttpResponse refusal(const ports::HttpRequest& request, int status, const std::string& title,
                            const std::string& text, Code code) {
  if (wants_html(request)) return message_page(status, title, text);
  auto response = wire::error_response({code, text});
  response.status = status;
  return response;
}

std::string url_of(const ports::HttpRequest& request, const PageSessions::Page& page) {
  const auto host = header(request, "host");
  const auto colon = host.rfind(':');
  return stdx::format("http://{}{}{}/", model::page_labels(page.topology, page.space),
                      model::page_domain, colon == std::string::npos ? "" : host.substr(colon));
}

}  // namespace

struct Pages::Asset {
  v1::PageAssetRequest request;
  std::string zhost;
  bool html = false;
  std::uint64_t tag = 0;  // of the parts so far
  int refused = 0;        // times that its zrun had no room
  ports::HttpResponse response;
  ports::HttpReply reply;
  std::shared_ptr<std::size_t> fetched_bytes;
  std::size_t reserved = 0;  // of fetched_bytes
  ~Asset() { *fetched_bytes -= reserved; }
};

Pages::Pages(ports::Runtime& runtime, rpc::RpcEndpoint& endpoint, const Directory& directory,
             Access access)
    : runtime_(runtime),
      endpoint_(endpoint),
      directory_(directory),
      sessions_(runtime, access.key, access.revoked),
      // Of another zmesh, or of the one before this, are other pages.
      next_(runtime.random.next() >> 1),
      look_timer_(runtime.executor),
      open_(
          runtime.metrics.gauge("samoza_zmesh_page_sockets", "WebSockets of pages that are open")),
      dropped_(runtime.metrics.counter("samoza_zmesh_page_messages_dropped_total",
                                       "Messages of pages that said too much in a second")) {
  endpoint_.on("zmesh.page_show",
               rpc::event<v1::PageFrame>([this](const rpc::Caller& caller, v1::PageFrame frame) {
                 show(caller.from.zhost(), std::move(frame));
               }));
  endpoint_.on("zmesh.pages_gone",
               rpc::event<v1::PagesGone>([this](const rpc::Caller& caller, v1::PagesGone gone) {
                 for (const auto id : gone.pages())
                   if (const auto at = sockets_.find(id);
                       at != sockets_.end() && at->second.zhost == caller.from.zhost())
                     close(id);
               }));
}

std::string Pages::door(const ports::HttpRequest& head) {
  const auto labels = model::page_labels_of_host(header(head, "host"));
  return labels.empty() ? "" : "page:" + labels;
}

const v1::DirectoryEntry* Pages::page_of(const ports::HttpRequest& request) const {
  const auto door = header(request, ":door");
  return is_door(door) ? directory_.find_page(door.substr(5)) : nullptr;
}

void Pages::handle(const ports::HttpRequest& request, ports::HttpReply reply) {
  const auto* entry = page_of(request);
  if (entry == nullptr)
    return reply(refusal(request, 404, "No such page",
                         "There is no UI space of this name, or this zhost has not heard of it "
                         "yet. `zshell mesh spaces` lists the spaces of the cluster.",
                         Code::not_found));
  if (request.method == "POST") return log_in(request, *entry, std::move(reply));
  if (request.method != "GET" && request.method != "HEAD") {
    auto response = wire::error_response({Code::invalid, "pages are read-only"});
    response.status = 405;
    response.headers["Allow"] = "GET, HEAD";
    return reply(std::move(response));
  }
  const auto page = names_of(*entry);
  std::string why;
  if (const auto ticket = request.query.find("ticket"); ticket != request.query.end()) {
    auto taken = sessions_.take_ticket(page, ticket->second, local_path(request.path));
    if (taken) return reply(std::move(*taken));
    why = taken.error().message;
  }
  if (!sessions_.session_of(request, page)) {
    if (wants_html(request)) return reply(login_page(page, local_path(request.path), why));
    auto response = wire::error_response(
        {Code::denied, why.empty() ? "log in at this page in a browser first" : why});
    response.status = 401;
    return reply(std::move(response));
  }
  serve(*entry, request.path, wants_html(request), std::move(reply));
}

void Pages::log_in(const ports::HttpRequest& request, const v1::DirectoryEntry& entry,
                   ports::HttpReply reply) {
  const auto page = names_of(entry);
  if (request.path != "/-/login" || !is_from_here(request))
    return reply(refusal(request, 403, "Refused", "Only the login form of this page posts here.",
                         Code::denied));
  const auto where = local_path(form_field(request.body, "to"));
  auto begun = sessions_.log_in(page, form_field(request.body, "token"), where);
  reply(begun ? std::move(*begun) : login_page(page, where, begun.error().message));
}

void Pages::serve(const v1::DirectoryEntry& entry, std::string path, bool html,
                  ports::HttpReply reply) {
  if (*waiting_ >= requests_max || entry.zhost().empty())
    return reply(message_page(503, "Try again",
                              entry.zhost().empty() ? "This space does not run now."
                                                    : "Too many requests wait for pages."));
  ++*waiting_;
  auto asset = std::make_shared<Asset>();
  asset->request.set_topology_id(entry.topology_id());
  asset->request.set_space(entry.space());
  asset->request.set_asset(path.substr(1));
  asset->zhost = entry.zhost();
  asset->html = html;
  asset->fetched_bytes = fetched_bytes_;
  asset->reply = [count = waiting_, reply = std::move(reply)](ports::HttpResponse response) {
    --*count;
    reply(std::move(response));
  };
  fetch(std::move(asset));
}

// Part by part: each fits a frame, and others go in between.
void Pages::fetch(std::shared_ptr<Asset> asset) {
  if (parts_ >= parts_max) return waiting_parts_.push_back(std::move(asset));
  ++parts_;
  asset->request.set_offset(asset->response.body.size());
  endpoint_.request(
      rpc::address(asset->zhost, "zrun"), "zrun.page_asset", asset->request.SerializeAsString(),
      zrun_timeout,
      rpc::expect<v1::PageAssetReply>([this, asset, alive = std::weak_ptr<bool>(alive_)](
                                          stdx::Result<v1::PageAssetReply> part) {
        if (!alive.expired()) part_came();
        auto& response = asset->response;
        if (!part && part.error().code == Code::full && !alive.expired() &&
            ++asset->refused < part_tries_max) {
          runtime_.executor.after(part_again, [this, asset, alive] {
            if (!alive.expired()) fetch(asset);
          });
          return;
        }
        if (!part) {
          const bool missing = part.error().code == Code::not_found;
          return asset->reply(asset->html ? message_page(missing ? 404 : 503,
                                                         missing ? "Not here" : "Try again",
                                                         part.error().message)
                                          : wire::error_response(part.error()));
        }
        // An update between two parts: from the beginning.
        if (asset->tag != part->tag()) {
          asset->tag = part->tag();
          if (!std::exchange(response.body, {}).empty() && !alive.expired()) return fetch(asset);
        }
        const auto had = response.body.size();
        response.body += part->part();
        if (part->size() > asset_bytes_max || response.body.size() > part->size() ||
            (response.body.size() == had && had < part->size()))
          return asset->reply(wire::error_response(
              {Code::failed, stdx::format("an asset of a page has {} bytes; at most {} are served",
                                          part->size(), asset_bytes_max)}));
        if (asset->reserved == 0 && response.body.size() < part->size()) {
          if (*asset->fetched_bytes + part->size() > fetched_bytes_max)
            return asset->reply(
                message_page(503, "Try again", "Too many large files of pages are under way."));
          asset->reserved = part->size();
          *asset->fetched_bytes += asset->reserved;
        }
        if (response.body.size() < part->size()) {
          if (alive.expired())
            return asset->reply(wire::error_response({Code::unavailable, "zmesh is stopping"}));
          return fetch(asset);
        }
        response.content_type = part->content_type();
        response.headers["Content-Security-Policy"] = part->policy();
        asset->reply(std::move(response));
      }));
}

void Pages::part_came() {
  --parts_;
  if (waiting_parts_.empty()) return;
  auto next = std::move(waiting_parts_.front());
  waiting_parts_.pop_front();
  fetch(std::move(next));
}

ports::HttpResponse Pages::give_ticket(const ports::HttpRequest& request) {
  const auto asked = request.query.find("space");
  const auto name = asked == request.query.end() ? "" : asked->second;
  const auto slash = name.find('/');
  if (slash == std::string::npos)
    return wire::error_response({Code::invalid, "say which page: ?space=TOPOLOGY/SPACE"});
  const auto* entry = directory_.find_door(name.substr(0, slash), name.substr(slash + 1));
  if (entry == nullptr || !entry->page())
    return wire::error_response(
        {Code::not_found, stdx::format("there is no UI space '{}'; `mesh spaces` lists the spaces",
                                       stdx::printable(name, 160))});
  const auto page = names_of(*entry);
  const auto ingress = header(request, ":ingress");
  if (!ingress.empty() && ingress != page.topology)
    return wire::error_response({Code::denied, stdx::format("this token has the role ingress of "
                                                            "topology {}",
                                                            ingress)});
  const auto actor = header(request, ":actor");
  const auto id =
      actor.starts_with("token ") ? actor.substr(6) : std::string(wire::operator_token_id);
  const auto expires = stdx::parse_u64(header(request, ":expires"));
  const auto url = url_of(request, page);
  v1::PageTicket ticket;
  ticket.set_url(url);
  ticket.set_ticket_url(
      url + "?ticket=" + sessions_.give_ticket(page, id, expires.value_or(~std::uint64_t{0} >> 1)));
  return wire::json_response(ticket);
}

// --- sockets ---

std::optional<ports::HttpResponse> Pages::refuse_websocket(
    const ports::HttpRequest& request) const {
  const auto refused = [](int status, Code code, const char* why) {
    auto response = wire::error_response({code, why});
    response.status = status;
    return std::optional(std::move(response));
  };
  const auto* entry = page_of(request);
  if (entry == nullptr) return refused(404, Code::not_found, "there is no UI space of this name");
  if (request.path != "/ws")
    return refused(404, Code::not_found, "the WebSocket of a page is at /ws");
  if (!is_from_here(request))
    return refused(403, Code::denied, "pages of other origins may not ask here");
  if (!sessions_.session_of(request, names_of(*entry)))
    return refused(401, Code::denied, "log in at this page first");
  if (entry->zhost().empty())
    return refused(503, Code::unavailable, "this space does not run now; try again");
  if (sockets_.size() >= sockets_max)
    return refused(503, Code::full, "too many pages are open at this zhost; try again");
  return std::nullopt;
}

void Pages::handle_websocket(const ports::HttpRequest& request, std::unique_ptr<ports::Link> link) {
  // Something may have changed since it was let in.
  if (refuse_websocket(request)) return;
  const auto* entry = page_of(request);
  const auto session = sessions_.session_of(request, names_of(*entry));
  const auto id = next_++;
  auto& socket = sockets_[id];
  socket.link = std::move(link);
  socket.topology_id = entry->topology_id();
  socket.space = entry->space();
  socket.zhost = entry->zhost();
  socket.epoch = entry->epoch();
  socket.session = *session;
  open_.set(static_cast<std::int64_t>(sockets_.size()));
  v1::PageOpen open;
  open.set_page(id);
  open.set_topology_id(socket.topology_id);
  open.set_space(socket.space);
  endpoint_.request(
      rpc::address(socket.zhost, "zrun"), "zrun.page_open", open.SerializeAsString(), zrun_timeout,
      [this, id, alive = std::weak_ptr<bool>(alive_)](stdx::Result<stdx::Bytes> done) {
        if (!done && !alive.expired()) close(id);
      });
  if (!look_timer_.pending()) look_timer_.set(look_every, [this] { look(); });
  socket.link->start({.on_frame = [this, id](stdx::Bytes text) { page_said(id, std::move(text)); },
                      .on_closed = [this, id](const stdx::Error&) { close(id); },
                      .on_writable =
                          [this, id] {
                            const auto at = sockets_.find(id);
                            if (at != sockets_.end()) tell_taken(id, at->second);
                          }});
}

void Pages::page_said(std::uint64_t id, stdx::Bytes text) {
  const auto at = sockets_.find(id);
  if (at == sockets_.end()) return;
  auto& socket = at->second;
  const auto now = runtime_.clock.now();
  if (now - socket.second >= std::chrono::seconds(1)) {
    socket.second = now;
    socket.said = 0;
  }
  socket.said += text.size() + 64;
  if (socket.said > said_bytes_max && socket.said > text.size() + 64) {
    dropped_.add();
    return socket.link->send(
        R"({"error":"this page sends too much; what it sent now was dropped"})");
  }
  v1::PageFrame frame;
  frame.set_page(id);
  frame.set_text(std::move(text));
  endpoint_.notify(rpc::address(socket.zhost, "zrun"), "zrun.page_said", frame.SerializeAsString());
}

void Pages::show(const std::string& zhost, v1::PageFrame frame) {
  const auto at = sockets_.find(frame.page());
  if (at == sockets_.end() || at->second.zhost != zhost) return;
  auto& socket = at->second;
  socket.not_told += frame.text().size();
  socket.link->send(std::move(*frame.mutable_text()));
  // Sending may have ended the link.
  if (const auto still = sockets_.find(frame.page()); still != sockets_.end())
    tell_taken(still->first, still->second);
}

// Only what the browser's connection has room for is told to zrun, which sends no more than that.
void Pages::tell_taken(std::uint64_t id, Socket& socket) {
  if (socket.not_told < took_step || socket.link->queued_bytes() > queue_bytes_soft) return;
  v1::PageTook took;
  took.set_page(id);
  took.set_bytes(std::exchange(socket.not_told, 0));
  endpoint_.notify(rpc::address(socket.zhost, "zrun"), "zrun.page_took", took.SerializeAsString());
}

void Pages::close(std::uint64_t id) {
  // Out of a call of the link itself, which is destroyed once that returned.
  if (auto node = sockets_.extract(id); !node.empty()) {
    v1::PagesGone gone;
    gone.add_pages(id);
    endpoint_.notify(rpc::address(node.mapped().zhost, "zrun"), "zrun.pages_gone",
                     gone.SerializeAsString());
    runtime_.executor.post([link = std::shared_ptr<ports::Link>(std::move(node.mapped().link))] {});
  }
  open_.set(static_cast<std::int64_t>(sockets_.size()));
}

void Pages::look() {
  std::map<std::string, v1::PagesOpen> by_zhost;
  std::vector<std::uint64_t> over;
  for (auto& [id, socket] : sockets_) {
    const auto* entry = directory_.find(socket.topology_id, socket.space);
    const bool moved =
        entry == nullptr || entry->zhost() != socket.zhost || entry->epoch() != socket.epoch;
    if (moved || !sessions_.holds(socket.session))
      over.push_back(id);
    else
      by_zhost[socket.zhost].add_pages(id);
  }
  for (const auto id : over) close(id);
  for (const auto& [zhost, pages] : by_zhost)
    endpoint_.request(
        rpc::address(zhost, "zrun"), "zrun.pages_open", pages.SerializeAsString(), zrun_timeout,
        rpc::expect<v1::PagesGone>(
            [this, pages, alive = std::weak_ptr<bool>(alive_)](stdx::Result<v1::PagesGone> gone) {
              if (alive.expired()) return;
              const auto& lost = gone ? gone->pages() : pages.pages();
              for (const auto id : lost) close(id);
            }));
  if (!sockets_.empty()) look_timer_.set(look_every, [this] { look(); });
}

}  // namespace zmesh
