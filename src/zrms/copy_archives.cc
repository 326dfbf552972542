// SPDX-License-Identifier: Apache-2.0
#include "zrms/copy_archives.h"

#include "samoza/v1/cluster.pb.h"

namespace zrms {

using namespace std::chrono_literals;

void copy_archives(rpc::ServiceBus& zmesh, const std::string& target,
                   std::vector<std::string> archives, std::vector<std::string> holders,
                   std::function<void(stdx::Status)> done) {
  if (archives.empty()) return done({});
  samoza::v1::BlobFetchRequest fetch;
  fetch.set_sha256(archives.back());
  for (const auto& holder : holders) fetch.add_holders(holder);
  archives.pop_back();
  zmesh.request(rpc::address(target, "zrms"), "zrms.blob_fetch", fetch.SerializeAsString(), 20s,
                [&zmesh, target, archives = std::move(archives), holders = std::move(holders),
                 done = std::move(done)](stdx::Result<stdx::Bytes> fetched) mutable {
                  if (!fetched) return done(std::unexpected(fetched.error()));
                  copy_archives(zmesh, target, std::move(archives), std::move(holders),
                                std::move(done));
                });
}

}  // namespace zrms
