// SPDX-License-Identifier: Apache-2.0
#include "mex/reader.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "stdx/text.h"

namespace mex {
namespace {

class OpenedPackage final : public ports::Package {
 public:
  explicit OpenedPackage(Contents contents) : contents_(std::move(contents)) {}
  const model::Topology& topology() const override { return contents_.topology; }
  std::string version() const override { return contents_.manifest.version; }
  std::string publisher() const override { return contents_.manifest.publisher; }
  bool is_signed() const override { return contents_.manifest.is_signed(); }
  std::vector<std::string> files() const override {
    std::vector<std::string> names;
    for (const auto& [name, content] : contents_.files) names.push_back(name);
    return names;
  }
  stdx::Result<stdx::Bytes> read(const std::string& path) const override {
    const auto at = contents_.files.find(path);
    if (at == contents_.files.end())
      return stdx::fail(stdx::Code::not_found,
                        stdx::format("the MEX has no {}", stdx::printable(path, 200)));
    return at->second;
  }

 private:
  Contents contents_;
};

}  // namespace

std::shared_ptr<const ports::Package> make_package(Contents contents) {
  return std::make_shared<OpenedPackage>(std::move(contents));
}

struct Reader::Worker {
  struct Job {
    std::shared_ptr<const stdx::Bytes> archive;
    Done done;
  };
  ports::Executor& executor;
  TrustPolicy policy;
  std::mutex mutex;
  std::condition_variable condition;
  std::deque<Job> jobs;
  bool stop = false;
  std::thread thread;

  Worker(ports::Executor& e, TrustPolicy p) : executor(e), policy(std::move(p)) {
    thread = std::thread([this] { run(); });
  }
  void run() {
    std::unique_lock lock(mutex);
    for (;;) {
      condition.wait(lock, [this] { return stop || !jobs.empty(); });
      if (stop) return;
      auto job = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      stdx::Result<std::shared_ptr<const ports::Package>> result =
          stdx::fail(stdx::Code::failed, "not opened");
      auto contents = open_archive(*job.archive, policy);
      if (contents)
        result = make_package(std::move(*contents));
      else
        result = std::unexpected(contents.error());
      executor.post([done = std::move(job.done), result = std::move(result)] { done(result); });
      lock.lock();
    }
  }
};

Reader::Reader(ports::Executor& executor, TrustPolicy policy)
    : worker_(std::make_unique<Worker>(executor, std::move(policy))) {}

Reader::~Reader() {
  {
    const std::lock_guard lock(worker_->mutex);
    worker_->stop = true;
  }
  worker_->condition.notify_one();
  worker_->thread.join();
}

void Reader::open(std::shared_ptr<const stdx::Bytes> archive, Done done) {
  {
    const std::lock_guard lock(worker_->mutex);
    if (worker_->jobs.size() < queue_max) {
      worker_->jobs.push_back({std::move(archive), std::move(done)});
      worker_->condition.notify_one();
      return;
    }
  }
  worker_->executor.post([done = std::move(done)] {
    done(stdx::fail(stdx::Code::full, "too many archives are being opened; try again"));
  });
}

}  // namespace mex
