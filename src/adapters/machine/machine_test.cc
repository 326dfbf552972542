// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "adapters/machine/resources.h"
#include "adapters/machine/sensors.h"
#include "adapters/wait_queue.h"
#include "simkit/process.h"

namespace adapters::machine {
namespace {

// R-ABI-5: data of sensors is JSON.
TEST(MachineTest, AReadingIsJsonWithEveryFigure) {
  const auto reading = nlohmann::json::parse(read_machine());
  for (auto name : {"busy", "total", "mem_available_kb", "psi_cpu", "psi_mem", "psi_io"})
    EXPECT_TRUE(reading[name].is_number()) << name;
  EXPECT_GT(reading["total"].get<long>(), 0);
}

// R-ABI-5, R-SPACE-2: the type is a string that only the driver knows.
TEST(MachineTest, OneReadingGoesToEverySensorThatIsOpenAndAnUnknownTypeIsSaid) {
  WaitQueue queue;  // its timers fire at once
  MachineSensors sensors(queue);
  std::vector<std::vector<stdx::Bytes>> readings(16);
  std::vector<std::unique_ptr<ports::Sensor>> open;
  for (auto& list : readings)
    open.push_back(*sensors.open("machine", [&](stdx::Bytes reading) { list.push_back(reading); }));
  while (readings[15].size() < 3) queue.run_one();
  for (const auto& list : readings) EXPECT_EQ(list, readings[0]);
  open.resize(1);
  while (readings[0].size() < 5) queue.run_one();
  EXPECT_EQ(readings[1].size(), 3u);
  EXPECT_FALSE(sensors.open("camera", {}));
}

TEST(MachineTest, ASensorMayBeClosedByItsOwnReading) {
  WaitQueue queue;
  MachineSensors sensors(queue);
  std::unique_ptr<ports::Sensor> one, two;
  int readings = 0;
  const auto take = [&](stdx::Bytes) {
    ++readings;
    one.reset();
    two.reset();
  };
  one = *sensors.open("machine", take);
  two = *sensors.open("machine", take);
  while (readings == 0) queue.run_one();
  EXPECT_EQ(readings, 1);
}

// R-COMP-4: the sampler of the local zrms.
TEST(MachineTest, RHb4AReportHasWhatTheMachineHas) {
  simkit::World world(1);
  simkit::Process process(world, "z", "zrms");
  ProcResources resources(process, "/");
  EXPECT_GT(resources.sample().memory_total_bytes, 0u) << "the first one is there at once";
  resources.wait();
  world.run_for(std::chrono::seconds(1));
  resources.sample();
  resources.wait();
  const auto sample = resources.sample();
  resources.wait();
  EXPECT_GT(sample.memory_total_bytes, sample.memory_used_bytes);
  EXPECT_GT(sample.disk_total_bytes, 0u);
  EXPECT_GE(sample.cpu_used_cores, 0.0);
}

}  // namespace
}  // namespace adapters::machine
