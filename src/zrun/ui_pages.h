// SPDX-License-Identifier: Apache-2.0
#pragma once

// The pages of one UI space: verified assets, read-only, and a link to each open page
// (RemotePages). What comes along a path to the space goes to every page; a page may send along the
// space's own paths. The page shows a present state, so nothing is kept for a page that is not
// there, and a page that does not read loses messages (counted), not our memory.

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "ports/http.h"
#include "ports/package_reader.h"
#include "ports/runtime.h"

namespace zrun {

class UiPages {
 public:
  static constexpr std::size_t pages_max = 64;
  static constexpr std::size_t queue_bytes_soft = 1u << 20;
  // Of one message as JSON, where a control character has six bytes: to write more would hold up
  // the space that sends it. A larger one is shown to nobody, and counted.
  static constexpr std::size_t shown_bytes_max = (1u << 20) + 1024;

  // A page sent `payload` along the path of that name; the error, if any, goes back to the page.
  using FromPage = std::function<stdx::Status(const std::string& path, const std::string& payload)>;

  UiPages(ports::Runtime& runtime, std::shared_ptr<const ports::Package> package,
          const model::Space& space, FromPage from_page);

  struct Asset {
    stdx::BytesView bytes;  // of the package
    std::string content_type;
    const char* policy;  // Content-Security-Policy
  };
  // Empty: index.html. Code::not_found: the package has none.
  stdx::Result<Asset> asset(const std::string& name) const;
  // Another one for each instance of the space: its assets may be of another version.
  std::uint64_t tag() const { return tag_; }

  void open(std::unique_ptr<ports::Link> link);
  void show(const std::string& path, const std::string& from, std::uint64_t seq,
            stdx::BytesView payload);
  std::size_t size() const { return links_.size(); }

 private:
  void page_sent(std::uint64_t id, const stdx::Bytes& frame);

  ports::Runtime& runtime_;
  std::shared_ptr<const ports::Package> package_;
  std::string space_;
  std::string folder_;  // in the package, with the last '/'
  FromPage from_page_;
  std::map<std::uint64_t, std::unique_ptr<ports::Link>> links_;
  const std::uint64_t tag_;
  std::uint64_t next_ = 1;
  ports::Counter& dropped_;
};

}  // namespace zrun
