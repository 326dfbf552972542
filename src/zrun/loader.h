// SPDX-License-Identifier: Apache-2.0
#pragma once

// From the hash of a MEX to what a space needs to start: the archive from the blob store (or from
// another zhost, by way of this zhost's zrms), verified, its module compiled (once, however many
// spaces wait for it). Packages and modules are shared while something uses them.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ports/blob_store.h"
#include "ports/engine.h"
#include "ports/package_reader.h"
#include "ports/runtime.h"

namespace zrun {

class Loader {
 public:
  // Asks zrms to bring the archive here; answers when it is on disk.
  using Fetch =
      std::function<void(const std::string& sha256, const std::vector<std::string>& replicas,
                         std::function<void(stdx::Status)> done)>;
  using PackageDone = std::function<void(stdx::Result<std::shared_ptr<const ports::Package>>)>;
  using ModuleDone = std::function<void(stdx::Result<std::shared_ptr<ports::Module>>)>;

  Loader(ports::Engine& engine, ports::BlobStore& blobs, ports::PackageReader& reader, Fetch fetch);

  void package(const std::string& sha256, const std::vector<std::string>& replicas,
               PackageDone done);
  // The module of `space`, with only its capabilities linked.
  void module(const std::string& sha256, std::shared_ptr<const ports::Package> package,
              const model::Space& space, ModuleDone done);

 private:
  void open(const std::string& sha256, std::shared_ptr<const stdx::Bytes> archive);
  void answer(const std::string& sha256,
              stdx::Result<std::shared_ptr<const ports::Package>> package);

  ports::Engine& engine_;
  ports::BlobStore& blobs_;
  ports::PackageReader& reader_;
  Fetch fetch_;
  std::map<std::string, std::weak_ptr<const ports::Package>> packages_;
  std::map<std::string, std::vector<PackageDone>> waiting_;
  std::map<std::string, std::weak_ptr<ports::Module>> modules_;
  std::map<std::string, std::vector<ModuleDone>> compiling_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zrun
