// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::Sensors of this machine. "machine": each 100 ms one JSON line with CPU, memory and
// pressure figures from /proc, as examples/anomaly records them. However many sensors are open, one
// thread reads /proc once for all of them; it reads nothing while none is open.

#include <functional>
#include <map>
#include <memory>

#include "adapters/posix/worker.h"
#include "ports/executor.h"
#include "ports/sensors.h"

namespace adapters::machine {

class MachineSensors final : public ports::Sensors {
 public:
  explicit MachineSensors(ports::Executor& executor) : executor_(executor), timer_(executor) {}
  std::vector<std::string> types() const override { return {"machine"}; }
  stdx::Result<std::unique_ptr<ports::Sensor>> open(
      const std::string& type, std::function<void(stdx::Bytes)> on_reading) override;

 private:
  class Open;
  void next();
  void hand_out(const stdx::Bytes& reading);

  ports::Executor& executor_;
  std::map<std::uint64_t, std::function<void(stdx::Bytes)>> open_;
  std::uint64_t last_opened_ = 0;
  ports::Timer timer_;
  bool sampling_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  posix::Worker worker_;
};

// One reading: {"busy","total","mem_available_kb","psi_cpu","psi_mem","psi_io"}; counters since
// boot, pressure as the 10 s average in hundredths of a per cent.
stdx::Bytes read_machine();

}  // namespace adapters::machine
