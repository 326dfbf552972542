// SPDX-License-Identifier: Apache-2.0
#include "zrun/loader.h"

#include "guest_abi/check.h"
#include "stdx/text.h"
#include "wasm/interface.h"
#include "zrun/abi/functions.h"

namespace zrun {

using stdx::Code;

Loader::Loader(ports::Engine& engine, ports::BlobStore& blobs, ports::PackageReader& reader,
               Fetch fetch)
    : engine_(engine), blobs_(blobs), reader_(reader), fetch_(std::move(fetch)) {}

namespace {

// What nobody holds any more leaves no entry behind.
template <typename T>
std::shared_ptr<T> find_live(std::map<std::string, std::weak_ptr<T>>& map, const std::string& key) {
  const auto at = map.find(key);
  return at == map.end() ? nullptr : at->second.lock();
}
template <typename T>
void keep(std::map<std::string, std::weak_ptr<T>>& map, const std::string& key,
          const std::shared_ptr<T>& value) {
  std::erase_if(map, [](const auto& entry) { return entry.second.expired(); });
  map[key] = value;
}

}  // namespace

void Loader::answer(const std::string& sha256,
                    stdx::Result<std::shared_ptr<const ports::Package>> package) {
  if (package) keep(packages_, sha256, *package);
  auto waiting = std::move(waiting_[sha256]);
  waiting_.erase(sha256);
  for (auto& done : waiting) done(package);
}

void Loader::open(const std::string& sha256, std::shared_ptr<const stdx::Bytes> archive) {
  reader_.open(std::move(archive), [this, sha256, alive = std::weak_ptr<bool>(alive_)](
                                       stdx::Result<std::shared_ptr<const ports::Package>> opened) {
    if (!alive.expired()) answer(sha256, std::move(opened));
  });
}

void Loader::package(const std::string& sha256, const std::vector<std::string>& replicas,
                     PackageDone done) {
  if (auto known = find_live(packages_, sha256)) return done(known);
  auto& waiting = waiting_[sha256];
  waiting.push_back(std::move(done));
  if (waiting.size() > 1) return;  // under way already
  const auto got = [this, sha256,
                    alive = std::weak_ptr<bool>(alive_)](stdx::Result<stdx::Bytes> archive) {
    if (alive.expired()) return;
    if (!archive) return answer(sha256, std::unexpected(archive.error()));
    open(sha256, std::make_shared<const stdx::Bytes>(std::move(*archive)));
  };
  const auto fetch = [this, sha256, replicas, got, alive = std::weak_ptr<bool>(alive_)] {
    fetch_(sha256, replicas, [this, sha256, got, alive](stdx::Status fetched) {
      if (alive.expired()) return;
      if (!fetched) return answer(sha256, std::unexpected(fetched.error()));
      blobs_.get(sha256, got);
    });
  };
  if (!blobs_.has(sha256)) return fetch();
  blobs_.get(sha256,
             [got, fetch, alive = std::weak_ptr<bool>(alive_)](stdx::Result<stdx::Bytes> archive) {
               if (alive.expired()) return;
               // zrms may have removed it since it was seen here.
               if (!archive && archive.error().code == Code::not_found) return fetch();
               got(std::move(archive));
             });
}

void Loader::module(const std::string& sha256, std::shared_ptr<const ports::Package> package,
                    const model::Space& space, ModuleDone done) {
  std::string key = sha256 + "/" + space.entry;
  for (const auto& capability : space.capabilities) key += "," + capability;
  if (auto known = find_live(modules_, key)) return done(known);
  auto& compiling = compiling_[key];
  compiling.push_back(std::move(done));
  if (compiling.size() > 1) return;  // under way already
  const auto answer_all = [this, key](stdx::Result<std::shared_ptr<ports::Module>> module) {
    if (module) keep(modules_, key, *module);
    const auto waiting = std::move(compiling_[key]);
    compiling_.erase(key);
    for (const auto& answer : waiting) answer(module);
  };
  auto bytes = package->read(space.entry);
  if (!bytes) return answer_all(std::unexpected(bytes.error()));
  // The same check as at build and submit; the archive may have come another way.
  const auto interface = wasm::read_interface(*bytes);
  if (!interface) return answer_all(std::unexpected(interface.error()));
  const auto findings = guest_abi::check(space, *interface);
  if (!findings.empty()) return answer_all(stdx::fail(Code::invalid, findings.front()));
  engine_.compile(std::make_shared<const stdx::Bytes>(*bytes), abi::granted(space.capabilities),
                  [answer_all, alive = std::weak_ptr<bool>(alive_)](
                      stdx::Result<std::shared_ptr<ports::Module>> module) {
                    if (!alive.expired()) answer_all(std::move(module));
                  });
}

}  // namespace zrun
