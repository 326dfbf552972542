// SPDX-License-Identifier: Apache-2.0
#include "adapters/posix/worker.h"

#include <gtest/gtest.h>

#include <future>
#include <vector>

namespace adapters::posix {
namespace {

// A job that runs until it is let go.
struct Busy {
  std::promise<void> started, go;
  void occupy(Worker& worker) {
    EXPECT_TRUE(worker.post([this] {
      started.set_value();
      go.get_future().wait();
    }));
    started.get_future().wait();
  }
};

TEST(WorkerTest, JobsRunInTheirOrder) {
  std::vector<int> order;
  std::promise<void> done;
  Worker worker;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(worker.post([&order, i] { order.push_back(i); }));
  EXPECT_TRUE(worker.post([&] { done.set_value(); }));
  done.get_future().wait();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

TEST(WorkerTest, PastItsBoundAJobIsRefusedAndCountedAndWhatReleasesIsTaken) {
  ports::Counter refused;
  Busy busy;
  std::promise<void> released;
  bool ran = false;
  Worker worker(2, &refused);
  busy.occupy(worker);
  EXPECT_TRUE(worker.post([] {})) << "one runs, one waits";
  EXPECT_FALSE(worker.post([&] { ran = true; }));
  EXPECT_EQ(refused.value(), 1u);
  EXPECT_EQ(worker.refused(), 1u);
  worker.release([&] { released.set_value(); });
  busy.go.set_value();
  released.get_future().wait();
  EXPECT_FALSE(ran);
  std::promise<void> again;
  EXPECT_TRUE(worker.post([&] { again.set_value(); })) << "there is room again";
  again.get_future().wait();
}

TEST(WorkerTest, TheJobThatRunsIsWaitedForAndWhatWaitsLetsGoOfWhatItHolds) {
  auto held = std::make_shared<int>(1);
  Busy busy;
  bool finished = false;
  {
    Worker worker;
    EXPECT_TRUE(worker.post([&] {
      busy.started.set_value();
      busy.go.get_future().wait();
      finished = true;
    }));
    busy.started.get_future().wait();
    EXPECT_TRUE(worker.post([held] {}));
    busy.go.set_value();
  }
  EXPECT_TRUE(finished);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(WorkerTest, AJobMayDropTheLastOwnerOfItsWorker) {
  std::promise<void> gone;
  auto worker = std::make_shared<Worker>();
  std::promise<std::shared_ptr<Worker>> handed;
  EXPECT_TRUE(worker->post([&] {
    handed.get_future().get().reset();  // the last owner ends here, on the worker's own thread
    gone.set_value();
  }));
  handed.set_value(std::move(worker));
  gone.get_future().wait();
}

}  // namespace
}  // namespace adapters::posix
