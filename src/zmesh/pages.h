// SPDX-License-Identifier: Apache-2.0
#pragma once

// The pages of UI spaces, on any zhost: zmesh answers under the host name of a page
// (model/page_host.h), asks the zrun that has the space for its assets, and carries the frames of
// its WebSocket. So the address of a page stays the same wherever its space runs.
//
// Bounds: requests_max that wait for an asset, sockets_max sockets; what a page says past
// said_bytes_max in a second is dropped and counted, so that no page fills the link to another
// zhost. What comes for a page that does not read is not acknowledged, and dropped by its zrun.
// Every `look` the zruns are told which sockets are open; a socket whose space is not there any
// more, or whose session is over, is closed, and the page opens another one.

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "ports/http.h"
#include "ports/runtime.h"
#include "rpc/rpc_endpoint.h"
#include "samoza/v1/pages.pb.h"
#include "zmesh/directory.h"
#include "zmesh/page_sessions.h"

namespace zmesh {

class Pages {
 public:
  static constexpr std::size_t requests_max = 96, sockets_max = 256;
  static constexpr std::size_t said_bytes_max = 1u << 20;
  static constexpr std::size_t asset_bytes_max = 16u << 20;
  // Of all assets that are being put together; one that does not fit is answered 503.
  static constexpr std::size_t fetched_bytes_max = 64u << 20;
  static constexpr std::size_t took_step = 64u << 10, queue_bytes_soft = 256u << 10;
  static constexpr stdx::Duration look_every = std::chrono::seconds(2);
  static constexpr stdx::Duration zrun_timeout = std::chrono::seconds(10);
  // Parts of files that are asked for at once; the next ones wait.
  static constexpr std::size_t parts_max = 4;
  // A zrun that has too much to send is asked again.
  static constexpr stdx::Duration part_again = std::chrono::milliseconds(200);
  static constexpr int part_tries_max = 50;

  struct Access {
    ports::ClusterKey* key = nullptr;
    const wire::RevokedTokens* revoked = nullptr;
  };
  Pages(ports::Runtime& runtime, rpc::RpcEndpoint& endpoint, const Directory& directory,
        Access access);

  // "page:LABELS" where the host is one of a page, whether there is such a space or not; or empty.
  static std::string door(const ports::HttpRequest& head);
  static bool is_door(const std::string& door) { return door.starts_with("page:"); }

  void handle(const ports::HttpRequest& request, ports::HttpReply reply);
  // Why there is no WebSocket for that request: 401 without a session, 403 from another origin,
  // 404, or 503 where the space does not run or too many are open.
  std::optional<ports::HttpResponse> refuse_websocket(const ports::HttpRequest& request) const;
  // Of one that is not refused.
  void handle_websocket(const ports::HttpRequest& request, std::unique_ptr<ports::Link> link);
  // POST /v1/tickets?space=TOPOLOGY/SPACE
  ports::HttpResponse give_ticket(const ports::HttpRequest& request);

 private:
  struct Asset;
  struct Socket {
    std::unique_ptr<ports::Link> link;
    std::string topology_id, space, zhost;
    std::uint64_t epoch = 0;
    PageSessions::Session session;
    std::size_t not_told = 0;  // bytes that the link took since zrun was told
    std::size_t said = 0;      // bytes of the page in this second
    stdx::Instant second{};
  };
  const v1::DirectoryEntry* page_of(const ports::HttpRequest& request) const;
  void log_in(const ports::HttpRequest& request, const v1::DirectoryEntry& page,
              ports::HttpReply reply);
  void serve(const v1::DirectoryEntry& page, std::string path, bool html, ports::HttpReply reply);
  void fetch(std::shared_ptr<Asset> asset);
  void part_came();
  void page_said(std::uint64_t id, stdx::Bytes text);
  void show(const std::string& zhost, v1::PageFrame frame);
  void tell_taken(std::uint64_t id, Socket& socket);
  void close(std::uint64_t id);
  void look();

  ports::Runtime& runtime_;
  rpc::RpcEndpoint& endpoint_;
  const Directory& directory_;
  PageSessions sessions_;
  std::map<std::uint64_t, Socket> sockets_;
  std::uint64_t next_;
  std::size_t parts_ = 0;                             // asked for
  std::deque<std::shared_ptr<Asset>> waiting_parts_;  // at most requests_max
  std::shared_ptr<std::size_t> waiting_ = std::make_shared<std::size_t>(0);
  std::shared_ptr<std::size_t> fetched_bytes_ = std::make_shared<std::size_t>(0);
  ports::Timer look_timer_;
  ports::Gauge& open_;
  ports::Counter& dropped_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zmesh
