// SPDX-License-Identifier: Apache-2.0
#pragma once

// The child processes of startz: started in order, watched, restarted with a jittered back-off
// (restart_min to restart_max, back to the start after healthy_after of life), stopped in reverse
// order. A child that ends is told to `on_exit`; `starts` counts per incarnation (P3: zrun's run).

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ports/processes.h"
#include "ports/runtime.h"

namespace startz {

class Children {
 public:
  struct Options {
    std::vector<ports::ProcessSpec> specs;  // in start order
    stdx::Duration start_gap = std::chrono::milliseconds(20);
    stdx::Duration restart_min = std::chrono::milliseconds(50);
    stdx::Duration restart_max = std::chrono::seconds(5);
    stdx::Duration healthy_after = std::chrono::seconds(10);
    stdx::Duration stop_step = std::chrono::seconds(3);  // service.stop, then TERM, then KILL
  };
  struct Child {
    ports::ProcessSpec spec;
    ports::ProcessId process = ports::ProcessId::none;
    std::uint32_t starts = 0;
    stdx::Instant since{};  // of the start or the end
    stdx::Duration back_off{};
    std::string cause;  // of its last end; empty: it has not ended
    std::unique_ptr<ports::Timer> timer;
    int stop_steps = 0;  // asked, then terminated, then killed
    bool alive() const { return process != ports::ProcessId::none; }
  };

  Children(ports::Runtime& runtime, ports::Processes& processes, Options options);

  std::function<void(const Child&)> on_started;
  std::function<void(const Child&, ports::ProcessExit)> on_exit;
  // Asks the child itself to end, first of all.
  std::function<void(const std::string& name)> ask_to_stop;

  void start();
  void kill(const std::string& name);
  // What is being asked to stop says how long it needs at most (its guests have deadlines): it is
  // ended by force only stop_step after that. Has no effect on a child that is past being asked.
  void grant_time(const std::string& name, stdx::Duration needed);
  // Ends all, last started first; `done` once none is left. No child is restarted from here on. A
  // second call only replaces `done`.
  void stop(std::function<void()> done);

  const std::vector<Child>& list() const { return children_; }
  const Child* find(const std::string& name) const;

 private:
  void spawn(Child& child);
  void ended(Child& child, ports::ProcessExit exit);
  void stop_next();
  void stop_harder(Child& child);
  void stop_harder_after(Child& child, stdx::Duration wait);

  ports::Runtime& runtime_;
  ports::Processes& processes_;
  Options options_;
  std::vector<Child> children_;  // never resized after construction
  bool stopping_ = false;
  std::function<void()> stopped_;
  ports::Counter& restarts_;
};

}  // namespace startz
