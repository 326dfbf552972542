// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "adapters/machine/resources.h"
#include "adapters/machine/sensors.h"
#include "simkit/process.h"

namespace adapters::machine {
namespace {

TEST(MachineTest, AReadingIsJsonWithEveryFigure) {
  const auto reading = nlohmann::json::parse(read_machine());
  for (auto name : {"busy", "total", "mem_available_kb", "psi_cpu", "psi_mem", "psi_io"})
    EXPECT_TRUE(reading[name].is_number()) << name;
  EXPECT_GT(reading["total"].get<long>(), 0);
}

TEST(MachineTest, ASensorGivesAReadingEach100MsAndAnUnknownTypeIsSaid) {
  simkit::World world(1);
  simkit::Process process(world, "z", "zrun");
  MachineSensors sensors(process);
  int readings = 0;
  auto sensor = *sensors.open("machine", [&](stdx::Bytes) { ++readings; });
  world.run_for(std::chrono::seconds(1));
  EXPECT_EQ(readings, 10);
  sensor.reset();
  world.run_for(std::chrono::seconds(1));
  EXPECT_EQ(readings, 10);
  EXPECT_FALSE(sensors.open("camera", {}));
}

TEST(MachineTest, RHb4AReportHasWhatTheMachineHas) {
  simkit::World world(1);
  simkit::Process process(world, "z", "zrms");
  ProcResources resources(process, "/");
  resources.sample();
  world.run_for(std::chrono::seconds(1));
  const auto sample = resources.sample();
  EXPECT_GT(sample.memory_total_bytes, sample.memory_used_bytes);
  EXPECT_GT(sample.disk_total_bytes, 0u);
  EXPECT_GE(sample.cpu_used_cores, 0.0);
}

}  // namespace
}  // namespace adapters::machine
