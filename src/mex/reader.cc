// SPDX-License-Identifier: Apache-2.0
#include "mex/reader.h"

#include "adapters/posix/worker.h"
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
  stdx::Result<stdx::BytesView> read(const std::string& path) const override {
    const auto at = contents_.files.find(path);
    if (at == contents_.files.end())
      return stdx::fail(stdx::Code::not_found,
                        stdx::format("the MEX has no {}", stdx::printable(path, 200)));
    return stdx::BytesView(at->second);
  }

 private:
  Contents contents_;
};

}  // namespace

std::shared_ptr<const ports::Package> make_package(Contents contents) {
  return std::make_shared<OpenedPackage>(std::move(contents));
}

struct Reader::Worker {
  ports::Executor& executor;
  TrustPolicy policy;
  adapters::posix::Worker thread;

  Worker(ports::Executor& e, TrustPolicy p, ports::Counter* refused)
      : executor(e), policy(std::move(p)), thread(queue_max, refused) {}
};

Reader::Reader(ports::Executor& executor, TrustPolicy policy, ports::Counter* refused)
    : worker_(std::make_unique<Worker>(executor, std::move(policy), refused)) {}

Reader::~Reader() = default;

void Reader::open(std::shared_ptr<const stdx::Bytes> archive, Done done) {
  auto& executor = worker_->executor;
  const bool taken = worker_->thread.post(
      [&executor, &policy = worker_->policy, archive = std::move(archive), done]() mutable {
        stdx::Result<std::shared_ptr<const ports::Package>> result =
            stdx::fail(stdx::Code::failed, "not opened");
        if (auto contents = open_archive(*archive, policy))
          result = make_package(std::move(*contents));
        else
          result = std::unexpected(contents.error());
        executor.post([done = std::move(done), result = std::move(result)] { done(result); });
      });
  if (taken) return;
  executor.post([done = std::move(done)] {
    done(stdx::fail(stdx::Code::full, "too many archives are being opened; try again"));
  });
}

}  // namespace mex
