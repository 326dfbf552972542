// SPDX-License-Identifier: Apache-2.0
// A stand-alone topology.yaml (R-DEC-10): each MEX it names is stored at the zhost, which verifies
// it; then the topology goes there with their hashes.
#include <nlohmann/json.hpp>

#include "samoza/v1/api.pb.h"
#include "stdx/text.h"
#include "wire/json.h"
#include "wire/topology_codec.h"
#include "zshell/shell.h"

namespace zshell {

namespace v1 = samoza::v1;
using stdx::format;

namespace {

// What stands before the file name of `file`; `mex` is relative to it.
std::string folder_of(const std::string& file) {
  const auto slash = file.rfind('/');
  return slash == std::string::npos ? "" : file.substr(0, slash + 1);
}

v1::StandaloneTopology to_message(const model::Topology& topology) {
  v1::StandaloneTopology message;
  const auto spec = wire::to_wire(topology);
  message.set_name(spec.name());
  message.set_owner(spec.owner());
  *message.mutable_paths() = spec.paths();
  for (const auto& space : topology.spaces) {
    auto* out = message.add_spaces();
    const auto& from = spec.spaces(message.spaces_size() - 1);
    out->set_name(from.name());
    out->set_type(from.type());
    out->set_path(from.path());
    *out->mutable_capabilities() = from.capabilities();
    *out->mutable_config() = from.config();
    out->set_mex(space.mex);
  }
  return message;
}

}  // namespace

std::optional<stdx::Bytes> Shell::read_topology_file(const std::string& file) {
  auto bytes = outside_.read_file(file);
  if (bytes) return std::move(*bytes);
  auto why = bytes.error().message;
  if (why.ends_with("it is a folder, and no file"))
    why += stdx::format("; `mex build {}` packs a project, and the MEX that it writes is submitted",
                        file);
  say_error(bytes.error().code, why);
  return std::nullopt;
}

Shell::Answer Shell::submit_standalone(const std::string& file, const std::string& text,
                                       Query query) {
  const auto refuse = [this](const std::string& why) {
    say_error(stdx::Code::invalid, why);
    return Answer{failed, ""};
  };
  const auto topology = outside_.read_topology(text, file);
  if (!topology) return refuse(topology.error().message);
  auto message = to_message(*topology);
  std::map<std::string, std::string> hashes;  // by file
  for (auto& space : *message.mutable_spaces()) {
    const auto where = format("{}: space '{}'", file, space.name());
    auto& sha256 = hashes[space.mex()];
    if (sha256.empty()) {
      auto archive = outside_.read_file(folder_of(file) + space.mex());
      if (!archive) return refuse(format("{}: mex: {}", where, archive.error().message));
      ports::HttpRequest request;
      request.method = "POST";
      request.path = "/v1/blobs";
      request.body = std::move(*archive);
      const auto stored = outside_.ask("zrms", std::move(request));
      if (!stored) {
        refuse(format("zrms is unreachable: {}", stored.error().message));
        return {not_reachable, ""};
      }
      if (stored->status != 200)
        return refuse(format("{}: mex {}: {}", where, space.mex(),
                             wire::error_from_response(*stored).message));
      v1::BlobStored reply;
      if (const auto read = wire::from_json(stored->body, reply); !read)
        return refuse("zrms: " + read.error().message);
      sha256 = reply.sha256();
    }
    space.set_mex_sha256(sha256);
  }
  if (!query.contains("dry_run") && !query.contains("explain")) say_if_copying_is_slow();
  ports::HttpRequest request;
  request.method = "POST";
  request.path = "/v1/topologies/standalone";
  request.query = std::move(query);
  request.body = wire::to_json(message);
  return ask("zrms", std::move(request), file);
}

}  // namespace zshell
