// SPDX-License-Identifier: Apache-2.0
#include "zrun/remote_pages.h"

#include <algorithm>
#include <vector>

#include "stdx/text.h"
#include "wire/json.h"

namespace zrun {

using stdx::Code;

class RemotePages::Page final : public ports::Link {
 public:
  Page(RemotePages& pages, Key key) : pages_(pages), key_(std::move(key)) {}
  ~Page() override {
    pages_.open_.erase(key_);
    v1::PagesGone gone;
    gone.add_pages(key_.second);
    pages_.endpoint_.notify(to(), "zmesh.pages_gone", gone.SerializeAsString());
  }

  void start(ports::LinkHandlers handlers) override { handlers_ = std::move(handlers); }
  void send(stdx::Bytes text, ports::Urgency) override {
    if (!pages_.hub_has_room()) return;
    if (not_taken_ == 0) told_ = pages_.runtime_.clock.now();
    not_taken_ += text.size();
    v1::PageFrame frame;
    frame.set_page(key_.second);
    frame.set_text(std::move(text));
    pages_.endpoint_.notify(to(), "zmesh.page_show", frame.SerializeAsString());
  }
  std::size_t queued_bytes() const override {
    return pages_.hub_has_room() ? not_taken_ : ports::Link::queue_bytes_max;
  }
  std::string peer() const override { return "a page at zhost " + key_.first; }

  void said(stdx::Bytes text) {
    if (handlers_.on_frame) handlers_.on_frame(std::move(text));
  }
  void took(std::size_t bytes) {
    not_taken_ -= std::min(bytes, not_taken_);
    told_ = pages_.runtime_.clock.now();
  }
  void forget_sent() { not_taken_ = 0; }
  void forget_lost(stdx::Instant now) {
    if (now - told_ > taken_within) forget_sent();
  }
  // Destroys it.
  void end(const std::string& why) {
    if (const auto closed = handlers_.on_closed) closed({Code::unavailable, why});
  }

 private:
  v1::ServiceAddress to() const { return rpc::address(key_.first, "zmesh"); }

  RemotePages& pages_;
  const Key key_;
  ports::LinkHandlers handlers_;
  std::size_t not_taken_ = 0;
  stdx::Instant told_{};  // that some of it was taken
};

RemotePages::RemotePages(ports::Runtime& runtime, rpc::RpcEndpoint& endpoint, Find find,
                         HubQueue hub_queue)
    : runtime_(runtime),
      endpoint_(endpoint),
      find_(std::move(find)),
      hub_queue_(std::move(hub_queue)) {
  endpoint_.on("zrun.page_asset", rpc::typed<v1::PageAssetRequest, v1::PageAssetReply>(
                                      [this](const rpc::Caller&, v1::PageAssetRequest request,
                                             auto done) { done(asset(request)); }));
  endpoint_.on("zrun.page_open",
               rpc::typed<v1::PageOpen, v1::PageOpened>(
                   [this](const rpc::Caller& caller, v1::PageOpen request, auto done) {
                     auto opened = open(caller.from.zhost(), request);
                     if (!opened) return done(std::unexpected(opened.error()));
                     done(v1::PageOpened());
                   }));
  endpoint_.on("zrun.page_said",
               rpc::event<v1::PageFrame>([this](const rpc::Caller& caller, v1::PageFrame frame) {
                 const auto at = open_.find({caller.from.zhost(), frame.page()});
                 if (at != open_.end()) at->second.page->said(std::move(*frame.mutable_text()));
               }));
  endpoint_.on("zrun.page_took",
               rpc::event<v1::PageTook>([this](const rpc::Caller& caller, v1::PageTook took) {
                 const auto at = open_.find({caller.from.zhost(), took.page()});
                 if (at != open_.end()) at->second.page->took(took.bytes());
               }));
  endpoint_.on("zrun.pages_gone",
               rpc::event<v1::PagesGone>([this](const rpc::Caller& caller, v1::PagesGone gone) {
                 for (const auto id : gone.pages())
                   if (const auto at = open_.find({caller.from.zhost(), id}); at != open_.end())
                     at->second.page->end("it was closed");
               }));
  endpoint_.on("zrun.pages_open",
               rpc::typed<v1::PagesOpen, v1::PagesGone>(
                   [this](const rpc::Caller& caller, v1::PagesOpen pages, auto done) {
                     done(named(caller.from.zhost(), pages));
                   }));
}

stdx::Result<v1::PageAssetReply> RemotePages::asset(const v1::PageAssetRequest& request) const {
  const auto* pages = find_(request.topology_id(), request.space());
  if (pages == nullptr)
    return stdx::fail(Code::unavailable,
                      stdx::format("UI space '{}' does not run on this zhost now",
                                   stdx::printable(request.space(), 80)));
  if (!hub_has_room())
    return stdx::fail(Code::full, "too much waits on its way from this zrun; try again");
  TRY_ASSIGN(const auto asset, pages->asset(request.asset()));
  v1::PageAssetReply reply;
  reply.set_size(asset.bytes.size());
  if (request.offset() < asset.bytes.size())
    reply.set_part(std::string(asset.bytes.substr(request.offset(), part_bytes)));
  reply.set_content_type(asset.content_type);
  reply.set_policy(asset.policy);
  reply.set_tag(pages->tag());
  return reply;
}

stdx::Status RemotePages::open(const std::string& zhost, const v1::PageOpen& request) {
  auto* pages = find_(request.topology_id(), request.space());
  if (pages == nullptr)
    return stdx::fail(Code::unavailable,
                      stdx::format("UI space '{}' does not run on this zhost now",
                                   stdx::printable(request.space(), 80)));
  if (open_.size() >= pages_max || pages->size() >= UiPages::pages_max)
    return stdx::fail(Code::full, "as many pages are open as may be");
  const Key key{zhost, request.page()};
  if (open_.contains(key)) return stdx::fail(Code::already_exists, "this page is open");
  auto page = std::make_unique<Page>(*this, key);
  open_[key] = {page.get(), runtime_.clock.now()};
  pages->open(std::move(page));
  return {};
}

v1::PagesGone RemotePages::named(const std::string& zhost, const v1::PagesOpen& pages) {
  v1::PagesGone gone;
  for (const auto id : pages.pages()) {
    const auto at = open_.find({zhost, id});
    if (at == open_.end())
      gone.add_pages(id);
    else
      at->second.named = runtime_.clock.now();
  }
  return gone;
}

bool RemotePages::hub_has_room() const {
  const auto queued = hub_queue_();
  return queued && *queued <= hub_bytes_soft;
}

void RemotePages::hub_lost() {
  for (const auto& [key, open] : open_) open.page->forget_sent();
}

void RemotePages::tidy() {
  std::vector<Page*> over;
  for (const auto& [key, open] : open_)
    if (runtime_.clock.now() - open.named > unnamed_max) over.push_back(open.page);
  for (const auto& [key, open] : open_) open.page->forget_lost(runtime_.clock.now());
  for (auto* page : over) page->end("its zmesh does not name it any more");
}

}  // namespace zrun
