// SPDX-License-Identifier: Apache-2.0
#include "zrun/ui_pages.h"

#include <nlohmann/json.hpp>

#include "stdx/text.h"
#include "stdx/utf8.h"
#include "wire/json.h"

namespace zrun {
namespace {

constexpr const char* page_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src "
    "'self'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    "object-src 'none'";

std::string type_of(const std::string& asset) {
  static const std::map<std::string, std::string> types = {{"html", "text/html; charset=utf-8"},
                                                           {"js", "text/javascript; charset=utf-8"},
                                                           {"css", "text/css; charset=utf-8"},
                                                           {"json", "application/json"},
                                                           {"svg", "image/svg+xml"},
                                                           {"png", "image/png"},
                                                           {"jpg", "image/jpeg"},
                                                           {"ico", "image/x-icon"},
                                                           {"woff2", "font/woff2"},
                                                           {"txt", "text/plain; charset=utf-8"}};
  const auto dot = asset.rfind('.');
  const auto at = dot == std::string::npos ? types.end() : types.find(asset.substr(dot + 1));
  return at == types.end() ? "application/octet-stream" : at->second;
}

// At most. What is no UTF-8 becomes replacement characters of three bytes.
std::size_t json_bytes_of(stdx::BytesView text) {
  const std::size_t of_other = stdx::is_utf8(text) ? 0 : 2;
  std::size_t bytes = text.size();
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || c == '"' || c == '\\') bytes += 5;
    if (byte >= 0x80) bytes += of_other;
  }
  return bytes;
}

}  // namespace

UiPages::UiPages(ports::Runtime& runtime, std::shared_ptr<const ports::Package> package,
                 const model::Space& space, FromPage from_page)
    : runtime_(runtime),
      package_(std::move(package)),
      space_(space.name),
      // spaces/<name>/: in a MEX of a stand-alone topology the name may be another one (R-TOPO-4).
      folder_(space.entry.substr(0, space.entry.find('/', std::string("spaces/").size()) + 1)),
      from_page_(std::move(from_page)),
      tag_(runtime.random.next()),
      dropped_(runtime.metrics.counter("samoza_zrun_page_messages_dropped_total",
                                       "Messages not sent to a page that did not read")) {}

stdx::Result<UiPages::Asset> UiPages::asset(const std::string& asked) const {
  const std::string name = asked.empty() ? "index.html" : asked;
  const auto bytes = package_->read(folder_ + name);
  // What describes the space is not an asset of it.
  if (!bytes || name == "space.yaml")
    return stdx::fail(stdx::Code::not_found,
                      stdx::format("UI space '{}' has no {}", space_, stdx::printable(name, 200)));
  return Asset{*bytes, type_of(name), page_policy};
}

void UiPages::open(std::unique_ptr<ports::Link> link) {
  if (links_.size() >= pages_max) return;
  const auto id = next_++;
  auto& kept = links_[id] = std::move(link);
  kept->start({.on_frame = [this, id](stdx::Bytes frame) { page_sent(id, frame); },
               .on_closed = [this, id](const stdx::Error&) { links_.erase(id); },
               .on_writable = {}});
}

void UiPages::show(const std::string& path, const std::string& from, std::uint64_t seq,
                   stdx::BytesView payload) {
  if (links_.empty()) return;
  if (json_bytes_of(payload) > shown_bytes_max) return dropped_.add(links_.size());
  nlohmann::json message;
  message["path"] = path;
  message["from"] = from;
  message["seq"] = seq;
  message["payload"] = payload;
  const auto text = message.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  for (auto& [id, link] : links_) {
    if (link->queued_bytes() > queue_bytes_soft)
      dropped_.add();
    else
      link->send(text);
  }
}

void UiPages::page_sent(std::uint64_t id, const stdx::Bytes& frame) {
  const auto message = nlohmann::json::parse(
      frame, [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) { return depth <= 8; },
      false);
  stdx::Status sent = stdx::fail(stdx::Code::invalid, R"(send {"path": "…", "payload": "…"})");
  if (message.is_object() && message.contains("path") && message["path"].is_string() &&
      message.contains("payload") && message["payload"].is_string())
    sent = from_page_(message["path"].get<std::string>(), message["payload"].get<std::string>());
  if (sent) return;
  nlohmann::json error;
  error["error"] = sent.error().message;
  const auto at = links_.find(id);
  if (at != links_.end())
    at->second->send(error.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace zrun
