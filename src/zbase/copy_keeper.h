// SPDX-License-Identifier: Apache-2.0
#pragma once

// Keeps copies of the control plane's records on this zhost: takes them in part by part, and gives
// them back (docs/operations.md). Only the control plane puts and reads them; any zhost may list
// them. Of a copy that comes in at most Store::copy_bytes_max bytes wait in memory, and one comes
// in at a time: another one takes its place. What does not go on within incoming_timeout is
// dropped.

#include <memory>
#include <string>

#include "ports/copy_store.h"
#include "ports/runtime.h"
#include "ports/store.h"
#include "rpc/rpc_endpoint.h"
#include "samoza/v1/copies.pb.h"

namespace zbase {

namespace v1 = samoza::v1;

class CopyKeeper {
 public:
  static constexpr std::size_t part_bytes = 256u << 10;
  static constexpr stdx::Duration incoming_timeout = std::chrono::seconds(30);

  CopyKeeper(ports::Runtime& runtime, ports::CopyStore& store, rpc::RpcEndpoint& zmesh);

 private:
  using Put = std::function<void(stdx::Result<v1::CopyPutReply>)>;
  using Read = std::function<void(stdx::Result<v1::CopyReadReply>)>;
  void put(const v1::CopyPut& part, Put done);
  void offered(const v1::CopyInfo& info, Put done);
  void whole(Put done);
  void read(const v1::CopyReadRequest& request, Read done);
  static v1::CopyReadReply part_of(const stdx::Bytes& bytes, std::uint64_t offset);
  v1::CopiesReply list() const;
  void drop_incoming();
  stdx::Error refused(const stdx::Error& why);

  ports::Runtime& runtime_;
  ports::CopyStore& store_;
  v1::CopyInfo incoming_;  // without a hash: none comes in
  stdx::Bytes incoming_bytes_;
  ports::Timer incoming_timer_;
  // The one that is being read, so that its parts are not read from the disk one by one.
  std::string reading_;
  std::shared_ptr<const stdx::Bytes> reading_bytes_;
  ports::Timer reading_timer_;
  ports::Gauge& copies_;
  ports::Counter& refused_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zbase
