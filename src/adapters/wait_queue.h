// SPDX-License-Identifier: Apache-2.0
#pragma once

// An executor for tests of adapters that answer from a thread of their own: `run_one` waits for the
// next posted task and runs it on the test's thread.

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <mutex>

#include "ports/executor.h"

namespace adapters {

class WaitQueue final : public ports::Executor {
 public:
  void post(ports::Task task, ports::CallSite = ports::CallSite::current()) override {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    condition_.notify_one();
  }
  ports::TimerId after(stdx::Duration, ports::Task task,
                       ports::CallSite = ports::CallSite::current()) override {
    post(std::move(task));
    return ports::TimerId::none;
  }
  void cancel(ports::TimerId) override {}

  void run_one() {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(condition_.wait_for(lock, std::chrono::seconds(120), [&] {
      return !tasks_.empty();
    })) << "no answer came";
    auto task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  std::deque<ports::Task> tasks_;
};

}  // namespace adapters
