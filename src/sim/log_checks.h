// SPDX-License-Identifier: Apache-2.0
#pragma once

// Feeds the checkers from the log lines of the cluster's processes: who took the term, who was
// found dead, what was placed, what a zrun holds. Keeps what each zrun holds, so that it is known
// to be gone when its process ends.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "ports/log.h"
#include "sim/activation_checker.h"
#include "sim/checker.h"
#include "sim/delivery_checker.h"
#include "sim/once_checker.h"
#include "sim/register_checker.h"
#include "simkit/process.h"

namespace sim {

struct LogLine {
  stdx::Instant at;
  std::string process;  // "z0/zrms"
  std::string event;
  std::map<std::string, std::string> fields;
};
LogLine line_of(stdx::Instant at, const simkit::Process& process, std::string_view event,
                ports::Fields fields);

class LogChecks {
 public:
  struct Checkers {
    Checker& checker;
    DeliveryChecker& delivery;
    OnceChecker& once;
    ActivationChecker& activations;
    RegisterChecker& placements;
  };
  struct Starts {
    std::uint64_t incarnation = 0, zrms_runs = 0;
  };
  // `starts`: of a zhost, by index.
  LogChecks(Checkers checkers, std::size_t zhosts, std::function<Starts(std::size_t)> starts)
      : to_(checkers), placed_(zhosts), starts_(std::move(starts)) {}

  std::function<void(std::size_t zhost)> on_term_taken;

  void check(const LogLine& line);
  void zrun_ended(std::size_t zhost);

 private:
  void check_space(const LogLine& line);
  Starts starts_of(const std::string& zhost) const;

  Checkers to_;
  // By zhost, what its zrun holds: (topology, space) to placement.
  std::vector<std::map<std::pair<std::string, std::string>, Placement>> placed_;
  std::function<Starts(std::size_t)> starts_;
};

}  // namespace sim
