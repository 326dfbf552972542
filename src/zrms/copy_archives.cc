// SPDX-License-Identifier: Apache-2.0
#include "zrms/copy_archives.h"

#include "samoza/v1/cluster.pb.h"

namespace zrms {

using namespace std::chrono_literals;

void copy_archives(rpc::ServiceBus& zmesh, const std::string& target,
                   std::vector<std::string> archives, std::vector<std::string> replicas,
                   std::function<void(stdx::Status)> done) {
  if (archives.empty()) return done({});
  samoza::v1::BlobFetchRequest fetch;
  fetch.set_sha256(archives.back());
  for (const auto& replica : replicas) fetch.add_holders(replica);
  archives.pop_back();
  zmesh.request(rpc::address(target, "zrms"), "zrms.blob_fetch", fetch.SerializeAsString(), 20s,
                [&zmesh, target, archives = std::move(archives), replicas = std::move(replicas),
                 done = std::move(done)](stdx::Result<stdx::Bytes> fetched) mutable {
                  if (!fetched) return done(std::unexpected(fetched.error()));
                  copy_archives(zmesh, target, std::move(archives), std::move(replicas),
                                std::move(done));
                });
}

}  // namespace zrms
