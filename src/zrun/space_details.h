// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a space here is and says, for a person: also what its former instances said, from the disk.

#include <functional>
#include <memory>
#include <string>

#include "ports/space_logs.h"
#include "samoza/v1/api.pb.h"
#include "zrun/local_spaces.h"

namespace zrun {

class SpaceDetails {
 public:
  // All outlive it; no logs: what a space said ends with its instance.
  SpaceDetails(const LocalSpaces& spaces, ports::SpaceLogs* logs, std::string zhost)
      : spaces_(spaces), logs_(logs), zhost_(std::move(zhost)) {}

  // Code::not_found where neither the space nor a log of it is here.
  void detail(const v1::SpaceDetailRequest& request,
              std::function<void(stdx::Result<v1::SpaceDetail>)> done) const;

 private:
  const LocalSpaces& spaces_;
  ports::SpaceLogs* logs_;
  std::string zhost_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zrun
