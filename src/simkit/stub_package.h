// SPDX-License-Identifier: Apache-2.0
#pragma once

// A signed package whose modules are roles of the stub engine: what is read at a path is
// stub_module(path), unless `files` has it. Not thread-safe.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "ports/package_reader.h"
#include "simkit/stub_engine.h"

namespace simkit {

class StubPackage final : public ports::Package {
 public:
  explicit StubPackage(model::Topology topology, std::map<std::string, stdx::Bytes> files = {})
      : topology_(std::move(topology)), read_(std::move(files)) {}
  const model::Topology& topology() const override { return topology_; }
  std::string version() const override { return "1"; }
  std::string publisher() const override { return "stub"; }
  bool is_signed() const override { return true; }
  std::vector<std::string> files() const override { return {}; }
  stdx::Result<stdx::BytesView> read(const std::string& path) const override {
    auto& bytes = read_[path];
    if (bytes.empty()) bytes = stub_module(path);
    return stdx::BytesView(bytes);
  }

 private:
  model::Topology topology_;
  mutable std::map<std::string, stdx::Bytes> read_;
};

}  // namespace simkit
