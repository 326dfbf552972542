// SPDX-License-Identifier: Apache-2.0
// The conformance guest in C++, with libc++: see languages_test.py.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "samoza.h"

namespace {

struct Greeter {
  virtual ~Greeter() = default;
  virtual std::string text() const = 0;
};
struct FromEnvironment final : Greeter {
  std::string text() const override { return std::getenv("GREETING"); }
};

// Set up by _initialize, and only once.
std::map<std::string, int> counts = {{"made", 1}};
std::vector<char> buffer(1024);

}  // namespace

SAMOZA_EXPORT("on_process") extern "C" int32_t on_process() {
  const int32_t n = net_recv_next(buffer.data(), static_cast<int32_t>(buffer.size()), nullptr, 0);
  if (n <= 0) return 0;
  const std::string text(buffer.data(), static_cast<std::size_t>(n));
  const std::unique_ptr<Greeter> greeter = std::make_unique<FromEnvironment>();
  ++counts["made"];
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  std::printf("greeting %s\nmade %d\ntime %s\n", greeter->text().c_str(), counts["made"], now > 0 ? "yes" : "no");
  if (text == "check") net_emit_to("again", 5, "done", 4, -1);
  if (text == "done") std::printf("got done\n");
  return 0;
}
