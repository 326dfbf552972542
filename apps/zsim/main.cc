// SPDX-License-Identifier: Apache-2.0
// zsim: the cluster simulator. `zsim --seed N` runs one scenario; `zsim campaign` many. Exit codes:
// 0 every invariant held, 1 a violation, 2 wrong use. See docs/simulator.md.
#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "sim/scenario.h"
#include "stdx/plant.h"

namespace {

struct Arguments {
  sim::ScenarioOptions scenario;
  std::string plant;
  double minutes = 0.75;
  std::uint64_t from = 1, count = 500;
  unsigned jobs = 2;
};

std::string again(const Arguments& a, std::uint64_t seed) {
  std::string command =
      fmt::format("{} --seed {}", a.plant.empty() ? "zsim" : "zsim_planted", seed);
  if (a.scenario.zhosts != 0) command += fmt::format(" --zhosts {}", a.scenario.zhosts);
  if (a.scenario.spaces != 0) command += fmt::format(" --spaces {}", a.scenario.spaces);
  if (a.minutes != 0.75) command += fmt::format(" --minutes {}", a.minutes);
  if (!a.plant.empty()) command += " --plant " + a.plant;
  return command + " --explain";
}

// True when every invariant held.
bool run(const Arguments& a, std::uint64_t seed, bool quiet) {
  auto options = a.scenario;
  options.seed = seed;
  const auto result = sim::run_scenario(options);
  if (!result.violation.empty())
    fmt::print("seed {}: VIOLATION {}\n  repeat: {}\n", seed, result.violation, again(a, seed));
  else if (!quiet)
    fmt::print("seed {}: held; faults {} placements {} messages {} events {} trace {:016x}\n", seed,
               result.faults, result.placements, result.messages, result.events, result.trace_hash);
  if (result.long_tasks > 0 && !quiet)
    fmt::print("seed {}: FINDING {} tasks above 20 ms of CPU time; the longest: {}\n", seed,
               result.long_tasks, result.longest_task);
  std::fflush(stdout);
  return result.violation.empty();
}

// Every jobs-th seed, beginning with `first`: one process each, since a run is one thread.
int worker(const Arguments& a, std::uint64_t first) {
  int failed = 0;
  for (auto seed = first; seed < a.from + a.count; seed += a.jobs) failed += !run(a, seed, true);
  return failed;
}

int campaign(const Arguments& a) {
  std::vector<pid_t> children;
  for (unsigned job = 0; job < a.jobs; ++job) {
    const pid_t pid = fork();
    if (pid == 0) _exit(worker(a, a.from + job) == 0 ? 0 : 1);
    if (pid < 0) return fmt::print(stderr, "zsim: cannot fork\n"), 1;
    children.push_back(pid);
  }
  bool held = true;
  for (const auto pid : children) {
    int status = 0;
    waitpid(pid, &status, 0);
    held &= WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  fmt::print("campaign: seeds {} to {}: {}\n", a.from, a.from + a.count - 1,
             held ? "every invariant held" : "VIOLATIONS, see above");
  return held ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  CLI::App app{"zsim: a whole Samoza cluster on virtual time, with faults and invariants"};
  app.add_option("--seed", a.scenario.seed, "what chooses the faults");
  app.add_option("--zhosts", a.scenario.zhosts, "3 to 50; default by seed")
      ->check(CLI::Range(2, 50));
  app.add_option("--spaces", a.scenario.spaces, "of large topologies besides; default none")
      ->check(CLI::Range(0, 100'000));
  app.add_option("--minutes", a.minutes, "of faults, in virtual time")
      ->check(CLI::Range(0.1, 600.0));
  app.add_flag("--explain", a.scenario.explain, "print faults and log lines");
  app.add_option("--plant", a.plant, "a planted bug (zsim_planted only)");
  auto* many = app.add_subcommand("campaign", "many seeds");
  many->fallthrough();
  many->add_option("--from", a.from, "first seed");
  many->add_option("--count", a.count, "how many");
  many->add_option("--jobs", a.jobs, "processes")->check(CLI::Range(1, 64));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  a.scenario.fault_seconds = static_cast<int>(a.minutes * 60);
#ifdef SAMOZA_PLANTED
  stdx::planted_bug = a.plant;
#else
  if (!a.plant.empty()) {
    fmt::print(stderr, "zsim: --plant needs zsim_planted; this build has no planted bugs\n");
    return 2;
  }
#endif
  if (many->parsed()) return campaign(a);
  return run(a, a.scenario.seed, false) ? 0 : 1;
}
