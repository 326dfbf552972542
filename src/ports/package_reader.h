// SPDX-License-Identifier: Apache-2.0
#pragma once

// A verified MEX archive. `open` checks everything first: archive rules, hashes of every file, the
// signature against the zhost's trust policy, the topology, types and capabilities (R-MEX-3,
// R-DEC-27). Nothing of an archive that fails any check is given out. The work happens off the
// loop.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "model/topology.h"
#include "stdx/bytes.h"
#include "stdx/result.h"

namespace ports {

class Package {
 public:
  virtual ~Package() = default;
  virtual const model::Topology& topology() const = 0;
  virtual std::string version() const = 0;
  virtual std::string publisher() const = 0;
  virtual bool is_signed() const = 0;
  virtual std::vector<std::string> files() const = 0;  // sorted
  // Lives as long as the package.
  virtual stdx::Result<stdx::BytesView> read(const std::string& path) const = 0;
};

class PackageReader {
 public:
  using Done = std::function<void(stdx::Result<std::shared_ptr<const Package>>)>;
  virtual ~PackageReader() = default;
  virtual void open(std::shared_ptr<const stdx::Bytes> archive, Done done) = 0;
};

}  // namespace ports
