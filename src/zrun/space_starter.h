// SPDX-License-Identifier: Apache-2.0
#pragma once

// Brings a space that was placed here to its start: its package from the disk or another zhost, its
// module compiled, its store opened. A space that was replaced or stopped meanwhile is left alone.
//
// Not thread-safe: it belongs to the loop of its zrun.

#include <memory>
#include <string>

#include "ports/data_store.h"
#include "ports/runtime.h"
#include "samoza/v1/cluster.pb.h"
#include "zrun/loader.h"
#include "zrun/local_spaces.h"

namespace zrun {

class SpaceStarter {
 public:
  // Between two tries to open a store for which there is no room.
  static constexpr stdx::Duration data_open_again = std::chrono::seconds(1);

  // All outlive it.
  SpaceStarter(ports::Runtime& runtime, LocalSpaces& spaces, Loader& loader, ports::DataStore& data,
               std::string zhost);

  void start(const LocalSpaces::Key& key, const v1::PlaceCommand& command);

 private:
  using Key = LocalSpaces::Key;
  void package_ready(const Key& key, model::InstanceId id, const std::string& sha256,
                     stdx::Result<std::shared_ptr<const ports::Package>> package);
  void serve_pages(PlacedSpace& placed, std::shared_ptr<const ports::Package> package);
  void open_data(const Key& key, model::InstanceId id, std::shared_ptr<ports::Module> module);
  void data_opened(const Key& key, const model::InstanceId& id,
                   std::shared_ptr<ports::Module> module,
                   stdx::Result<std::shared_ptr<ports::SpaceData>> data);
  // What an operator is told, and can do, where the store of a space is gone.
  stdx::Error describe_data_error(const model::InstanceId& id, const stdx::Error& error) const;
  void fail(const Key& key, const model::InstanceId& id, const stdx::Error& why);

  ports::Runtime& runtime_;
  LocalSpaces& spaces_;
  Loader& loader_;
  ports::DataStore& data_;
  std::string zhost_;
  // The package of the space that was loaded last, for a moment: the spaces of a large topology
  // come in batches, and it is not opened anew for each.
  std::shared_ptr<const ports::Package> recent_package_;
  ports::Timer recent_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zrun
