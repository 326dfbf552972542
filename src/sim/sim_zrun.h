// SPDX-License-Identifier: Apache-2.0
#pragma once

// zrun as the cluster's brain sees it: takes zrun.place and zrun.stop of its startz, says
// zrun.space_state, and runs nothing. A start takes 20 ms to 4 s, by seed. Its place is taken by
// zrun::Service over a stub engine once that is there.

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "ports/runtime.h"
#include "ports/transport.h"
#include "rpc/service_bus.h"
#include "samoza/v1/cluster.pb.h"
#include "sim/checker.h"

namespace sim {

class SimZrun {
 public:
  SimZrun(ports::Runtime& runtime, ports::Transport& transport, std::string zhost,
          std::uint64_t incarnation, Checker& checker);

  std::function<void()> on_stop;
  struct Space {
    Instance instance;
    std::string state;
    std::unique_ptr<ports::Timer> timer;
  };
  using Key = std::pair<std::string, std::string>;
  const std::map<Key, Space>& spaces() const { return spaces_; }
  // The guest traps for good.
  void fail(const Key& key);

 private:
  samoza::v1::CommandReply place(const samoza::v1::PlaceCommand& command);
  samoza::v1::CommandReply stop(const samoza::v1::StopCommand& command);
  void say(Space& space, std::string state, std::string detail = "");

  ports::Runtime& runtime_;
  std::string zhost_;
  std::uint64_t incarnation_;
  Checker& checker_;
  rpc::ServiceBus startz_;
  std::map<Key, Space> spaces_;
};

}  // namespace sim
