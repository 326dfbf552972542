// SPDX-License-Identifier: Apache-2.0
#pragma once

// Pages of this zrun's UI spaces whose browsers are at the zmesh of any zhost (zmesh/pages.h): each
// is a Link to UiPages, and frames of envelopes to its zmesh. What that zmesh has not taken counts
// as queued, so that UiPages drops messages for a page that does not read; a page that its zmesh
// has not named for unnamed_max is gone.

#include <functional>
#include <map>
#include <memory>
#include <string>

#include <optional>
#include "ports/http.h"

#include "ports/runtime.h"
#include "rpc/rpc_endpoint.h"
#include "samoza/v1/pages.pb.h"
#include "zrun/ui_pages.h"

namespace zrun {

namespace v1 = samoza::v1;

class RemotePages {
 public:
  static constexpr std::size_t pages_max = 1024;
  static constexpr std::size_t part_bytes = 1u << 20;
  static constexpr stdx::Duration unnamed_max = std::chrono::seconds(20);

  // The pages of a space by its topology's id, or null; and those that serve its assets.
  using Find = std::function<UiPages*(const std::string& topology, const std::string& space)>;

  // What waits on its way to zmesh; none: zmesh is away. Past hub_bytes_soft nothing more is put
  // behind it.
  using HubQueue = std::function<std::optional<std::size_t>()>;
  static constexpr std::size_t hub_bytes_soft = 4u << 20;
  // What a page's zmesh does not tell to be taken for so long counts as lost.
  static constexpr stdx::Duration taken_within = std::chrono::seconds(60);

  RemotePages(ports::Runtime& runtime, rpc::RpcEndpoint& endpoint, Find find, HubQueue hub_queue);
  // The link to zmesh broke: what was in it is lost, and no page will tell that it was taken.
  void hub_lost();

  // Closes pages that nobody has named for a while; from time to time.
  void tidy();
  std::size_t size() const { return open_.size(); }

 private:
  class Page;
  using Key = std::pair<std::string, std::uint64_t>;  // zhost of its zmesh, its number there
  struct Open {
    Page* page = nullptr;  // UiPages has it
    stdx::Instant named{};
  };
  stdx::Result<v1::PageAssetReply> asset(const v1::PageAssetRequest& request) const;
  stdx::Status open(const std::string& zhost, const v1::PageOpen& request);
  v1::PagesGone named(const std::string& zhost, const v1::PagesOpen& pages);

  ports::Runtime& runtime_;
  rpc::RpcEndpoint& endpoint_;
  bool hub_has_room() const;

  Find find_;
  HubQueue hub_queue_;
  std::map<Key, Open> open_;
};

}  // namespace zrun
