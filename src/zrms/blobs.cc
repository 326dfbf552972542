// SPDX-License-Identifier: Apache-2.0
#include "zrms/blobs.h"

#include <algorithm>

#include "stdx/text.h"

namespace zrms {

using namespace std::chrono_literals;
using stdx::Code;

Blobs::Blobs(ports::Runtime& runtime, rpc::ServiceBus& zmesh, ports::BlobStore& store,
             std::string self, stdx::Duration keep_for)
    : runtime_(runtime),
      zmesh_(zmesh),
      store_(store),
      self_(std::move(self)),
      keep_for_(keep_for),
      started_(runtime.clock.now()),
      removed_(runtime.metrics.counter("samoza_zrms_archives_removed_total",
                                       "Archives removed because no topology refers to them")),
      release_timer_(runtime.executor) {}

void Blobs::keep(stdx::Bytes archive, ports::BlobStore::Done<std::string> done) {
  store_.put(std::move(archive), storing(std::move(done)));
}

ports::BlobStore::Done<std::string> Blobs::storing(ports::BlobStore::Done<std::string> done) {
  ++storing_;
  return [this, done = std::move(done),
          alive = std::weak_ptr<bool>(alive_)](stdx::Result<std::string> stored) {
    if (alive.expired()) return;
    --storing_;
    if (stored) used(*stored);
    if (stored && on_stored) on_stored();
    done(std::move(stored));
  };
}

bool Blobs::here(const std::string& sha256) {
  if (!store_.has(sha256)) return false;
  used(sha256);
  return true;
}

void Blobs::used(const std::string& sha256) {
  const auto now = runtime_.clock.now();
  std::erase_if(used_, [&](const auto& entry) { return now - entry.second >= keep_for_; });
  used_[sha256] = now;
}

std::vector<std::string> Blobs::drop(const std::vector<std::string>& archives) {
  const auto now = runtime_.clock.now();
  std::vector<std::string> gone;
  if (storing_ > 0 || now - started_ < keep_for_) return gone;
  for (const auto& sha256 : archives) {
    const auto last = used_.find(sha256);
    if (last != used_.end() && now - last->second < keep_for_) continue;
    if (fetches_.contains(sha256) || !store_.has(sha256)) continue;
    store_.remove(sha256);
    removed_.add();
    runtime_.log.info("archive_removed", {{"archive", sha256}});
    gone.push_back(sha256);
  }
  return gone;
}

void Blobs::fetch(const std::string& sha256, std::vector<std::string> replicas,
                  std::function<void(stdx::Status)> done) {
  if (here(sha256)) return done({});
  std::erase(replicas, self_);
  const auto at = fetches_.find(sha256);
  if (at != fetches_.end()) {
    at->second.waiting.push_back(std::move(done));
    return;
  }
  if (fetches_.size() >= fetches_max)
    return done(stdx::fail(Code::full, stdx::format("{} archives are being fetched", fetches_max)));
  auto& fetch = fetches_[sha256];
  fetch.replicas = std::move(replicas);
  fetch.waiting.push_back(std::move(done));
  next_chunk(sha256);
}

void Blobs::next_chunk(const std::string& sha256) {
  auto& fetch = fetches_.at(sha256);
  if (fetch.replicas.empty())
    return finish(sha256,
                  stdx::fail(Code::unavailable, stdx::format("no zhost that has archive {} answers",
                                                             sha256.substr(0, 12))));
  v1::BlobReadRequest request;
  request.set_sha256(sha256);
  request.set_offset(fetch.bytes.size());
  request.set_bytes_max(chunk_bytes);
  zmesh_.request(
      rpc::address(fetch.replicas.front(), "zrms"), "zrms.blob_read", request.SerializeAsString(),
      5s, rpc::expect<v1::BlobReadReply>([this, sha256](stdx::Result<v1::BlobReadReply> reply) {
        const auto found = fetches_.find(sha256);
        if (found == fetches_.end()) return;
        auto& under_way = found->second;
        const bool useless = !reply || (reply->data().empty() && reply->total_bytes() > 0) ||
                             reply->total_bytes() > ports::BlobStore::blob_bytes_max;
        if (useless) {
          // The next replica goes on where this one ended; the hash of the whole decides.
          under_way.replicas.erase(under_way.replicas.begin());
          return next_chunk(sha256);
        }
        under_way.bytes += reply->data();
        if (under_way.bytes.size() < reply->total_bytes()) return next_chunk(sha256);
        store_.put_as(sha256, std::move(under_way.bytes),
                      storing([this, sha256](stdx::Result<std::string> stored) {
                        if (stored) return finish(sha256, {});
                        if (stored.error().code != Code::corrupt)
                          return finish(sha256, std::unexpected(stored.error()));
                        // Not what was asked for, so nothing was kept: from the next one, anew.
                        auto& again = fetches_.at(sha256);
                        again.bytes.clear();
                        if (!again.replicas.empty()) again.replicas.erase(again.replicas.begin());
                        next_chunk(sha256);
                      }));
      }));
}

void Blobs::finish(const std::string& sha256, stdx::Status status) {
  auto node = fetches_.extract(sha256);
  for (auto& done : node.mapped().waiting) done(status);
}

void Blobs::read(const v1::BlobReadRequest& request,
                 std::function<void(stdx::Result<v1::BlobReadReply>)> done) {
  const auto answer = [request, done](const stdx::Bytes& bytes) {
    if (request.offset() > bytes.size())
      return done(stdx::fail(Code::invalid, "the offset lies past the archive's end"));
    v1::BlobReadReply reply;
    reply.set_total_bytes(bytes.size());
    reply.set_data(bytes.substr(request.offset(), std::min(request.bytes_max(), chunk_bytes)));
    done(std::move(reply));
  };
  if (store_.has(request.sha256())) used(request.sha256());
  load(request.sha256(), [answer, done](stdx::Result<std::shared_ptr<const stdx::Bytes>> bytes) {
    if (!bytes) return done(std::unexpected(bytes.error()));
    answer(**bytes);
  });
}

void Blobs::load(const std::string& sha256, ReadDone done) {
  if (const auto known = cached_.find(sha256); known != cached_.end()) {
    known->second.read = runtime_.clock.now();
    return done(known->second.bytes);
  }
  auto& waiting = loading_[sha256];
  waiting.push_back(std::move(done));
  if (waiting.size() > 1) return;
  store_.get(sha256,
             [this, sha256, alive = std::weak_ptr<bool>(alive_)](stdx::Result<stdx::Bytes> got) {
               if (alive.expired()) return;
               const auto answers = std::move(loading_[sha256]);
               loading_.erase(sha256);
               if (!got) {
                 for (const auto& answer : answers) answer(std::unexpected(got.error()));
                 return;
               }
               const auto bytes = std::make_shared<const stdx::Bytes>(std::move(*got));
               cached_[sha256] = {bytes, runtime_.clock.now()};
               release();
               for (const auto& answer : answers) answer(bytes);
             });
}

// Those that nobody reads any more, and past the bound those that were not read for longest.
void Blobs::release() {
  const auto now = runtime_.clock.now();
  std::erase_if(cached_, [&](const auto& entry) { return now - entry.second.read >= cached_for; });
  std::size_t bytes = 0;
  for (const auto& [sha256, entry] : cached_) bytes += entry.bytes->size();
  while (bytes > cached_bytes_max && cached_.size() > 1) {
    const auto oldest = std::min_element(
        cached_.begin(), cached_.end(),
        [](const auto& a, const auto& b) { return a.second.read < b.second.read; });
    bytes -= oldest->second.bytes->size();
    cached_.erase(oldest);
  }
  if (!cached_.empty()) release_timer_.set(cached_for, [this] { release(); });
}

}  // namespace zrms
