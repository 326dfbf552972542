// SPDX-License-Identifier: Apache-2.0
#pragma once

// MEX archives between zhosts: serves chunks of what is here, brings here what is elsewhere, chunk
// by chunk from any holder, and checks the hash before it is kept.
//
// What the leader finds unused is removed, but not before `keep_for` after it was stored here,
// asked for or read last, or after this process began: a submit under way keeps its archives,
// whatever the leader knows of it. Nothing is removed while an archive is being stored, whose hash
// is not known yet.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ports/blob_store.h"
#include "ports/runtime.h"
#include "rpc/service_bus.h"
#include "samoza/v1/cluster.pb.h"

namespace zrms {

namespace v1 = samoza::v1;

class Blobs {
 public:
  static constexpr std::uint32_t chunk_bytes = 1u << 20;
  // Archives being fetched at one time; more wait for their turn at the asker (Code::full).
  static constexpr std::size_t fetches_max = 16;

  Blobs(ports::Runtime& runtime, rpc::ServiceBus& zmesh, ports::BlobStore& store, std::string self,
        stdx::Duration keep_for);

  // Stores an archive; answers with its hash.
  void keep(stdx::Bytes archive, ports::BlobStore::Done<std::string> done);
  // True where it is here; then it stays for `keep_for` at least.
  bool here(const std::string& sha256);
  // Removes those that may go, and says which went.
  std::vector<std::string> drop(const std::vector<std::string>& archives);

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
  void used(const std::string& sha256);
  // `done` of a call that stores an archive, which counts as under way until it is called.
  ports::BlobStore::Done<std::string> storing(ports::BlobStore::Done<std::string> done);

  ports::Runtime& runtime_;
  rpc::ServiceBus& zmesh_;
  ports::BlobStore& store_;
  std::string self_;
  stdx::Duration keep_for_;
  stdx::Instant started_;
  std::size_t storing_ = 0;
  std::map<std::string, stdx::Instant> used_;  // within keep_for
  ports::Counter& removed_;
  std::map<std::string, Fetch> fetches_;
  // The archive read last, so that its chunks are not read from disk one by one.
  std::string cached_sha256_;
  std::shared_ptr<const stdx::Bytes> cached_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zrms
