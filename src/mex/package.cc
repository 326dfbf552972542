// SPDX-License-Identifier: Apache-2.0
#include "mex/package.h"

#include <algorithm>

#include "adapters/crypto/crypto.h"
#include "guest_abi/check.h"
#include "mex/layout.h"
#include "mex/topology_yaml.h"
#include "stdx/encoding.h"
#include "stdx/text.h"
#include "wasm/interface.h"

namespace mex {
namespace {

using stdx::Code;
using stdx::format;

// Which top-level places there are; anything else does not belong in a MEX (R-MEX-6..13).
bool belongs(const std::string& path) {
  return path == "topology.yaml" || path.starts_with("spaces/") || path == "world/layout.yaml" ||
         path.starts_with("recognizers/");
}

void check_space_folder(const Files& files, const model::Space& space,
                        std::vector<std::string>& findings) {
  const std::string folder = "spaces/" + space.name + "/";
  bool has_wasm = false;
  for (auto at = files.lower_bound(folder); at != files.end() && at->first.starts_with(folder);
       ++at)
    has_wasm |= at->first.ends_with(".wasm") || at->second.starts_with(std::string("\0asm", 4));
  if (!files.contains(space.entry)) {
    findings.push_back(
        space.type == model::SpaceType::ui
            ? format("space '{}': its entry {} is missing", space.name, space.entry)
            : format("space '{}': its entry {} is missing; put a compiled module there, or its "
                     "source into {}src",
                     space.name, space.entry, folder));
    return;
  }
  if (space.type == model::SpaceType::ui) {
    if (has_wasm)
      findings.push_back(
          format("space '{}': a UI space holds no WebAssembly (R-SPACE-10)", space.name));
    return;
  }
  const auto interface = wasm::read_interface(files.at(space.entry));
  if (!interface) {
    findings.push_back(
        format("space '{}': {}: {}", space.name, space.entry, interface.error().message));
    return;
  }
  for (auto& finding : guest_abi::check(space, *interface)) findings.push_back(std::move(finding));
}

stdx::Status check_hashes(const Manifest& manifest, const Files& files) {
  for (const auto& [path, content] : files) {
    if (path == "manifest.yaml") continue;
    const auto known = manifest.file_hashes.find(path);
    if (known == manifest.file_hashes.end())
      return stdx::fail(Code::corrupt, format("{} is not in the manifest's integrity table", path));
    if (adapters::crypto::sha256_hex(content) != known->second)
      return stdx::fail(Code::corrupt, format("{} does not match its hash in the manifest", path));
  }
  for (const auto& [path, hash] : manifest.file_hashes)
    if (path == "manifest.yaml" || !files.contains(path))
      return stdx::fail(Code::corrupt,
                        format("{} is in the manifest but not in the archive", path));
  return {};
}

stdx::Status check_signature(const Manifest& manifest, const TrustPolicy& policy) {
  if (!manifest.is_signed()) {
    if (policy.accept_unsigned) return {};
    return stdx::fail(Code::denied,
                      "the MEX is not signed, and the trust policy 'prod' takes signed "
                      "ones only; sign it with `mex sign`");
  }
  const auto key = stdx::base64_decode(manifest.public_key);
  const auto signature = stdx::base64_decode(manifest.signature);
  // A wrong signature is refused under every policy (R-DEC-19).
  if (!key || !signature || !adapters::crypto::verify(*key, canonical(manifest), *signature))
    return stdx::fail(Code::denied, "the signature does not fit the manifest");
  const bool any_key = policy.accept_unsigned && policy.trusted_keys.empty();
  if (!any_key && !policy.trusted_keys.contains(stdx::base64_encode(*key)))
    return stdx::fail(Code::denied, format("the MEX is signed by key {}, which trust.keys does not "
                                           "list",
                                           manifest.public_key));
  return {};
}

// The hash of every file in the folder of a space, under one name: another name where one differs.
std::string content_of(const Manifest& manifest, const std::string& space) {
  const std::string folder = "spaces/" + space + "/";
  std::string all;
  for (auto at = manifest.file_hashes.lower_bound(folder);
       at != manifest.file_hashes.end() && at->first.starts_with(folder); ++at)
    all += at->first + "\n" + at->second + "\n";
  return adapters::crypto::sha256_hex(all);
}

}  // namespace

model::Topology validate_files(const Files& files, std::vector<std::string>& findings) {
  for (const auto& [path, content] : files)
    if (!belongs(path)) findings.push_back(format("{} does not belong in a MEX", path));
  const auto read = [&](const std::string& path) -> stdx::Result<std::string> {
    const auto at = files.find(path);
    if (at == files.end()) return stdx::fail(Code::not_found, path + " is missing");
    return at->second;
  };
  auto topology = read_topology(read, "topology.yaml", findings);
  std::set<std::string> names;
  for (const auto& space : topology.spaces) {
    names.insert(space.name);
    if (!space.mex.empty())
      findings.push_back(
          format("space '{}': spaces[].mex belongs to a stand-alone topology.yaml, not "
                 "into a MEX",
                 space.name));
    else if (findings.empty() || files.contains(space.entry))
      check_space_folder(files, space, findings);
  }
  // Of a topology that could not be read nothing follows for the other files.
  for (const auto& [path, content] : files) {
    if (names.empty() || !path.starts_with("spaces/")) continue;
    const auto slash = path.find('/', 7);
    if (slash == std::string::npos || !names.contains(path.substr(7, slash - 7)))
      findings.push_back(format("{} is of no space of the topology", path));
  }
  if (const auto layout = files.find("world/layout.yaml"); layout != files.end())
    check_layout(layout->second, names, findings);
  return topology;
}

stdx::Result<Contents> open_archive(stdx::BytesView archive, const TrustPolicy& policy) {
  Contents contents;
  TRY_ASSIGN(contents.files, adapters::zip::read(archive));
  const auto manifest = contents.files.find("manifest.yaml");
  if (manifest == contents.files.end())
    return stdx::fail(Code::invalid, "manifest.yaml is missing: this is no MEX");
  TRY_ASSIGN(contents.manifest, parse_manifest(manifest->second));
  TRY(check_hashes(contents.manifest, contents.files));
  TRY(check_signature(contents.manifest, policy));
  auto files = contents.files;
  files.erase("manifest.yaml");
  std::vector<std::string> findings;
  contents.topology = validate_files(files, findings);
  if (!findings.empty()) return stdx::fail(Code::invalid, findings.front());
  std::vector<std::string> names;
  for (const auto& space : contents.topology.spaces) names.push_back(space.name);
  for (auto& space : contents.topology.spaces) {
    space.content = content_of(contents.manifest, space.name);
    space.mex_version = contents.manifest.version;
  }
  if (names != contents.manifest.spaces || contents.manifest.topology != "topology.yaml")
    return stdx::fail(Code::invalid, "manifest.yaml lists other spaces than topology.yaml");
  return contents;
}

stdx::Result<stdx::Bytes> build_archive(Files files, const ManifestSource& source,
                                        const std::optional<stdx::Bytes>& private_key) {
  files.erase("manifest.yaml");
  std::vector<std::string> findings;
  const auto topology = validate_files(files, findings);
  if (!findings.empty()) return stdx::fail(Code::invalid, format("{}", fmt::join(findings, "\n")));
  Manifest manifest;
  manifest.name = source.name;
  manifest.version = source.version;
  manifest.publisher = source.publisher;
  manifest.created = source.created;
  for (const auto& space : topology.spaces) manifest.spaces.push_back(space.name);
  for (const auto& [path, content] : files)
    manifest.file_hashes[path] = adapters::crypto::sha256_hex(content);
  if (private_key) {
    TRY_ASSIGN(const auto signature, adapters::crypto::sign(*private_key, canonical(manifest)));
    TRY_ASSIGN(const auto key, adapters::crypto::public_key_of(*private_key));
    manifest.public_key = stdx::base64_encode(key);
    manifest.signature = stdx::base64_encode(signature);
  }
  files["manifest.yaml"] = to_text(manifest);
  return adapters::zip::write(files);
}

stdx::Result<stdx::Bytes> sign_archive(stdx::BytesView archive, stdx::BytesView private_key) {
  TRY_ASSIGN(auto files, adapters::zip::read(archive));
  if (!files.contains("manifest.yaml"))
    return stdx::fail(Code::invalid, "manifest.yaml is missing: this is no MEX");
  TRY_ASSIGN(const auto manifest, parse_manifest(files["manifest.yaml"]));
  TRY(check_hashes(manifest, files));
  return build_archive(std::move(files),
                       {manifest.name, manifest.version, manifest.publisher, manifest.created},
                       stdx::Bytes(private_key));
}

}  // namespace mex
