// SPDX-License-Identifier: Apache-2.0
#pragma once

// A thread that runs jobs in order (or several threads, in any order): where an adapter does what
// may be slow (disk, database, compiler), so that a loop never waits.
//
// Bound: jobs_max jobs wait or run. `post` past it keeps nothing, counts, and returns false: the
// caller answers Code::full at once, so that work piles up where it can be refused. `release` is
// for what gives something back (closing a file, removing one) and is always taken; nobody asks for
// more of those than for jobs that were taken before.
//
// Jobs left at destruction are dropped; the one that runs is waited for, unless it is that job
// itself which drops the last owner: then its thread ends after it.

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "ports/metrics.h"

namespace adapters::posix {

class Worker {
 public:
  using Job = std::move_only_function<void()>;
  static constexpr std::size_t jobs_max_default = 1024;

  // `refused` counts refused jobs where it is given, and then outlives the worker.
  explicit Worker(std::size_t jobs_max = jobs_max_default, ports::Counter* refused = nullptr,
                  std::size_t threads = 1)
      : jobs_max_(jobs_max), refused_(refused), state_(std::make_shared<State>()) {
    for (std::size_t i = 0; i < threads; ++i)
      threads_.emplace_back([state = state_] { run(*state); });
  }
  ~Worker() {
    {
      const std::lock_guard lock(state_->mutex);
      state_->stop = true;
    }
    state_->condition.notify_all();
    for (auto& thread : threads_) {
      if (thread.get_id() == std::this_thread::get_id())
        thread.detach();
      else
        thread.join();
    }
  }
  Worker(const Worker&) = delete;

  [[nodiscard]] bool post(Job job) {
    {
      const std::lock_guard lock(state_->mutex);
      if (state_->jobs.size() + state_->running >= jobs_max_) {
        refused_->add();
        return false;
      }
      state_->jobs.push_back(std::move(job));
    }
    state_->condition.notify_one();
    return true;
  }
  void release(Job job) {
    {
      const std::lock_guard lock(state_->mutex);
      state_->jobs.push_back(std::move(job));
    }
    state_->condition.notify_one();
  }

  std::size_t jobs_max() const { return jobs_max_; }
  std::uint64_t refused() const { return refused_->value(); }

 private:
  // Outlives the worker where its own job ends it.
  struct State {
    std::mutex mutex;
    std::condition_variable condition;
    std::deque<Job> jobs;
    std::size_t running = 0;
    bool stop = false;
  };
  // The counter given, or one of its own.
  class Refused {
   public:
    explicit Refused(ports::Counter* given)
        : own_(given == nullptr ? std::make_unique<ports::Counter>() : nullptr),
          counter_(given == nullptr ? own_.get() : given) {}
    ports::Counter* operator->() const { return counter_; }

   private:
    std::unique_ptr<ports::Counter> own_;
    ports::Counter* counter_;
  };

  static void run(State& state) {
    std::unique_lock lock(state.mutex);
    for (;;) {
      state.condition.wait(lock, [&] { return state.stop || !state.jobs.empty(); });
      if (state.stop) return;
      auto job = std::move(state.jobs.front());
      state.jobs.pop_front();
      ++state.running;
      lock.unlock();
      job();
      job = nullptr;
      lock.lock();
      --state.running;
    }
  }

  std::size_t jobs_max_;
  Refused refused_;
  std::shared_ptr<State> state_;
  std::vector<std::thread> threads_;
};

}  // namespace adapters::posix
