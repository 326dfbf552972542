// SPDX-License-Identifier: Apache-2.0
#pragma once

// MEX archives between zhosts: serves chunks of what is here, brings here what is elsewhere, chunk
// by chunk from any replica, and checks the hash before it is kept.
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
  // Archives that are being read stay in memory, so that their chunks are not read from disk one by
  // one: so many bytes of them, the last one besides; for so long after their last chunk.
  static constexpr std::size_t cached_bytes_max = 256u << 20;
  static constexpr stdx::Duration cached_for = std::chrono::seconds(10);

  Blobs(ports::Runtime& runtime, rpc::ServiceBus& zmesh, ports::BlobStore& store, std::string self,
        stdx::Duration keep_for);

  // Stores an archive; answers with its hash.
  void keep(stdx::Bytes archive, ports::BlobStore::Done<std::string> done);
  // True where it is here; then it stays for `keep_for` at least.
  bool here(const std::string& sha256);
  // Removes those that may go, and says which went.
  std::vector<std::string> drop(const std::vector<std::string>& archives);

  void fetch(const std::string& sha256, std::vector<std::string> replicas,
             std::function<void(stdx::Status)> done);
  void read(const v1::BlobReadRequest& request,
            std::function<void(stdx::Result<v1::BlobReadReply>)> done);
  std::size_t cached() const { return cached_.size(); }
  // One more is on this zhost's disk.
  std::function<void()> on_stored;

 private:
  struct Fetch {
    std::vector<std::string> replicas;
    stdx::Bytes bytes;
    std::vector<std::function<void(stdx::Status)>> waiting;
  };
  void next_chunk(const std::string& sha256);
  void finish(const std::string& sha256, stdx::Status status);
  void used(const std::string& sha256);
  using ReadDone = std::function<void(stdx::Result<std::shared_ptr<const stdx::Bytes>>)>;
  void load(const std::string& sha256, ReadDone done);
  void release();
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
  struct Cached {
    std::shared_ptr<const stdx::Bytes> bytes;
    stdx::Instant read{};
  };
  std::map<std::string, Cached> cached_;
  ports::Timer release_timer_;
  std::map<std::string, std::vector<ReadDone>> loading_;  // from disk, for those who wait
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zrms
