// SPDX-License-Identifier: Apache-2.0
#include "adapters/machine/sensors.h"

#include <cmath>
#include <fstream>
#include <sstream>

#include "stdx/text.h"

namespace adapters::machine {
namespace {

constexpr auto period = std::chrono::milliseconds(100);

// "some avg10=1.23 …" in hundredths; 0 where the kernel offers none.
long pressure(const char* what) {
  std::ifstream file(std::string("/proc/pressure/") + what);
  std::string some, average;
  file >> some >> average;
  if (!average.starts_with("avg10=")) return 0;
  return std::lround(std::stod(average.substr(6)) * 100);
}

}  // namespace

stdx::Bytes read_machine() {
  std::ifstream stat("/proc/stat");
  std::string word;
  unsigned long long user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0;
  stat >> word >> user >> nice >> system >> idle >> wait >> irq >> soft;
  std::ifstream meminfo("/proc/meminfo");
  std::string line;
  unsigned long long available = 0;
  while (std::getline(meminfo, line)) {
    std::istringstream fields(line);
    unsigned long long kib = 0;
    fields >> word >> kib;
    if (word == "MemAvailable:") available = kib;
  }
  const auto busy = user + nice + system + irq + soft;
  return stdx::format(
      R"({{"busy":{},"total":{},"mem_available_kb":{},"psi_cpu":{},"psi_mem":{},"psi_io":{}}})",
      busy, busy + idle + wait, available, pressure("cpu"), pressure("memory"), pressure("io"));
}

// One that a guest has open.
class MachineSensors::Open final : public ports::Sensor {
 public:
  Open(MachineSensors& owner, std::uint64_t id) : owner_(owner), id_(id) {}
  ~Open() override { owner_.open_.erase(id_); }

 private:
  MachineSensors& owner_;
  std::uint64_t id_;
};

stdx::Result<std::unique_ptr<ports::Sensor>> MachineSensors::open(
    const std::string& type, std::function<void(stdx::Bytes)> on_reading) {
  if (type != "machine")
    return stdx::fail(stdx::Code::not_found,
                      stdx::format("this zhost has no sensor '{}'", stdx::printable(type, 60)));
  open_[++last_opened_] = std::move(on_reading);
  if (!timer_.pending()) next();
  return std::make_unique<Open>(*this, last_opened_);
}

void MachineSensors::next() {
  timer_.set(period, [this] {
    if (open_.empty()) return;
    next();
    // A thread that is late skips a reading.
    if (sampling_) return;
    sampling_ = worker_.post([this, alive = std::weak_ptr<bool>(alive_)] {
      executor_.post([this, alive, reading = read_machine()] {
        if (!alive.expired()) hand_out(reading);
      });
    });
  });
}

void MachineSensors::hand_out(const stdx::Bytes& reading) {
  sampling_ = false;
  // Taking a reading may close a sensor or open one.
  std::vector<std::uint64_t> ids;
  for (const auto& [id, take] : open_) ids.push_back(id);
  for (const auto id : ids)
    if (const auto at = open_.find(id); at != open_.end()) {
      const auto take = at->second;
      take(reading);
    }
}

}  // namespace adapters::machine
