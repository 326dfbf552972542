// SPDX-License-Identifier: Apache-2.0
#pragma once

// The event loop of a process: ports::Executor and ports::Clock over Asio's io_context. `run` is
// called by one thread, which is then the loop's thread; `post` may come from any.

#include <functional>
#include <memory>

#include "ports/clock.h"
#include "ports/executor.h"
#include "ports/log.h"
#include "ports/metrics.h"

namespace adapters::loop {

class Loop final : public ports::Executor, public ports::Clock {
 public:
  struct Impl;  // adapters/loop/loop_impl.h

  Loop();
  ~Loop() override;

  // From here on the tasks are measured (meter.h). Both outlive the loop's last `run`.
  void measure(ports::Log& log, ports::Metrics& metrics);

  // Runs until `stop`.
  void run();
  void stop();
  // After `stop`, so that `run` may be called again.
  void restart();
  // Calls `handler` on the loop when the process gets SIGTERM or SIGINT; once per signal.
  void on_terminate(std::function<void()> handler);

  // Takes `fd` over, and calls `task` once when it can be read. Destroying the watch closes it;
  // `task` is not called then. The watch may be destroyed from its task.
  class Watch {
   public:
    virtual ~Watch() = default;
  };
  std::unique_ptr<Watch> watch(int fd, ports::Task task);

  void post(ports::Task task, ports::CallSite from = ports::CallSite::current()) override;
  ports::TimerId after(stdx::Duration delay, ports::Task task,
                       ports::CallSite from = ports::CallSite::current()) override;
  void cancel(ports::TimerId id) override;
  stdx::Instant now() const override;
  stdx::WallTime wall() const override;

  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

// For adapters with handlers of their own on a loop: what this thread's loop runs now begins here.
void name_task(ports::CallSite name = ports::CallSite::current());

}  // namespace adapters::loop
