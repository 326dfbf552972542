// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::PackageReader for a process: archives are opened on a thread of its own, one after the
// other; at most queue_max wait, further ones answer Code::full and are counted. Answers come on
// the executor.

#include <memory>

#include "mex/package.h"
#include "ports/executor.h"
#include "ports/metrics.h"
#include "ports/package_reader.h"

namespace mex {

class Reader final : public ports::PackageReader {
 public:
  static constexpr std::size_t queue_max = 64;

  Reader(ports::Executor& executor, TrustPolicy policy, ports::Counter* refused = nullptr);
  ~Reader() override;
  void open(std::shared_ptr<const stdx::Bytes> archive, Done done) override;

 private:
  struct Worker;
  std::unique_ptr<Worker> worker_;
};

// The contents as ports::Package.
std::shared_ptr<const ports::Package> make_package(Contents contents);

}  // namespace mex
