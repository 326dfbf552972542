// SPDX-License-Identifier: Apache-2.0
#pragma once

// MEX archives between zhosts: serves chunks of what is here, brings here what is elsewhere, chunk
// by chunk from any holder, and checks the hash before it is kept.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ports/blob_store.h"
#include "rpc/service_bus.h"
#include "samoza/v1/cluster.pb.h"

namespace zrms {

namespace v1 = samoza::v1;

class Blobs {
 public:
  static constexpr std::uint32_t chunk_bytes = 1u << 20;
  // Archives being fetched at one time; more wait for their turn at the asker (Code::full).
  static constexpr std::size_t fetches_max = 16;

  Blobs(ports::Runtime& runtime, rpc::ServiceBus& zmesh, ports::BlobStore& store, std::string self);

  void fetch(const std::string& sha256, std::vector<std::string> holders,
             std::function<void(stdx::Status)> done);
  void read(const v1::BlobReadRequest& request,
            std::function<void(stdx::Result<v1::BlobReadReply>)> done);

 private:
  struct Fetch {
    std::vector<std::string> holders;
    stdx::Bytes bytes;
    std::vector<std::function<void(stdx::Status)>> waiting;
  };
  void next_chunk(const std::string& sha256);
  void finish(const std::string& sha256, stdx::Status status);

  ports::Runtime& runtime_;
  rpc::ServiceBus& zmesh_;
  ports::BlobStore& store_;
  std::string self_;
  std::map<std::string, Fetch> fetches_;
  // The archive read last, so that its chunks are not read from disk one by one.
  std::string cached_sha256_;
  std::shared_ptr<const stdx::Bytes> cached_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zrms
