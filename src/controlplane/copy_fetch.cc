// SPDX-License-Identifier: Apache-2.0
#include "controlplane/copy_fetch.h"

#include <memory>

#include "stdx/text.h"

namespace controlplane {

using namespace std::chrono_literals;
using stdx::Code;
using stdx::format;

namespace {

constexpr stdx::Duration part_timeout = 10s;

struct Fetch {
  rpc::RpcEndpoint& endpoint;
  std::string zhost, which;
  FetchDone done;
  FetchedCopy got;
};
using FetchPtr = std::shared_ptr<Fetch>;

void next_part(const FetchPtr& fetch) {
  v1::CopyReadRequest request;
  request.set_sha256(fetch->got.info.sha256());
  request.set_offset(fetch->got.copy.bytes.size());
  fetch->endpoint.request(
      rpc::address(fetch->zhost, "zbase"), "zbase.copy_read", request.SerializeAsString(),
      part_timeout, rpc::expect<v1::CopyReadReply>([fetch](stdx::Result<v1::CopyReadReply> part) {
        if (!part)
          return fetch->done(
              stdx::fail(part.error().code, format("the copy of zhost '{}' did not come whole: {}",
                                                   fetch->zhost, part.error().message)));
        auto& bytes = fetch->got.copy.bytes;
        bytes += part->data();
        if (bytes.size() == fetch->got.info.bytes()) return fetch->done(std::move(fetch->got));
        if (part->data().empty() || bytes.size() > fetch->got.info.bytes())
          return fetch->done(stdx::fail(
              Code::corrupt, format("the copy of zhost '{}' has another size than it says; take "
                                    "another one (`cluster copies`)",
                                    fetch->zhost)));
        next_part(fetch);
      }));
}

void choose(const FetchPtr& fetch, const v1::CopiesReply& there) {
  for (const auto& info : there.copies()) {
    if (!info.sha256().starts_with(fetch->which) || (fetch->which.empty() && info.damaged()))
      continue;
    if (info.bytes() == 0 || info.bytes() > ports::Store::copy_bytes_max) continue;
    fetch->got.info = info;
    fetch->got.copy.sha256 = info.sha256();
    return next_part(fetch);
  }
  fetch->done(stdx::fail(
      Code::not_found,
      fetch->which.empty()
          ? format("zhost '{}' keeps no copy of the records; `cluster copies` lists them all",
                   fetch->zhost)
          : format("zhost '{}' keeps no copy '{}'; `cluster copies` lists them all", fetch->zhost,
                   stdx::printable(fetch->which, 64))));
}

}  // namespace

void fetch_copy(rpc::RpcEndpoint& endpoint, const std::string& zhost, const std::string& which,
                FetchDone done) {
  auto fetch = std::make_shared<Fetch>(Fetch{endpoint, zhost, which, std::move(done), {}});
  endpoint.request(
      rpc::address(zhost, "zbase"), "zbase.copies", v1::CopiesRequest().SerializeAsString(),
      part_timeout, rpc::expect<v1::CopiesReply>([fetch](stdx::Result<v1::CopiesReply> there) {
        if (!there)
          return fetch->done(stdx::fail(there.error().code,
                                        format("zhost '{}' does not say which copies it keeps: {}",
                                               fetch->zhost, there.error().message)));
        choose(fetch, *there);
      }));
}

}  // namespace controlplane
