// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::Sensors of this machine. "machine": each 100 ms one JSON line with CPU, memory and
// pressure figures from /proc, as examples/anomaly records them.

#include <functional>
#include <memory>

#include "ports/executor.h"
#include "ports/sensors.h"

namespace adapters::machine {

class MachineSensors final : public ports::Sensors {
 public:
  explicit MachineSensors(ports::Executor& executor) : executor_(executor) {}
  std::vector<std::string> types() const override { return {"machine"}; }
  stdx::Result<std::unique_ptr<ports::Sensor>> open(
      const std::string& type, std::function<void(stdx::Bytes)> on_reading) override;

 private:
  ports::Executor& executor_;
};

// One reading: {"busy","total","mem_available_kb","psi_cpu","psi_mem","psi_io"}; counters since
// boot, pressure as the 10 s average in hundredths of a per cent.
stdx::Bytes read_machine();

}  // namespace adapters::machine
