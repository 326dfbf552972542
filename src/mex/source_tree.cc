// SPDX-License-Identifier: Apache-2.0
#include "mex/source_tree.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "stdx/text.h"

namespace mex {
namespace {

namespace fs = std::filesystem;
using stdx::Code;
using stdx::format;

stdx::Result<stdx::Bytes> read_all(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return stdx::fail(Code::failed, format("{} cannot be read", path.string()));
  return stdx::Bytes{std::istreambuf_iterator<char>(file), {}};
}

// Sources, editors' leavings and hidden files are not part of an archive.
bool stays_out(const std::string& relative) {
  for (const auto segment : stdx::split(relative, '/'))
    if (segment == "src" || segment.starts_with(".") || segment.ends_with("~")) return true;
  return !(relative == "manifest.yaml" || relative == "topology.yaml" ||
           relative.starts_with("spaces/") || relative.starts_with("world/") ||
           relative.starts_with("recognizers/"));
}

stdx::Status run(const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int failed = posix_spawnp(&pid, argv[0], nullptr, nullptr, argv.data(), environ);
  if (failed != 0)
    return stdx::fail(Code::failed,
                      format("{} cannot be run; install it (tools/install does)", arguments[0]));
  int status = 0;
  waitpid(pid, &status, 0);
  if (status != 0) return stdx::fail(Code::failed, format("{} failed", arguments[0]));
  return {};
}

}  // namespace

stdx::Result<SourceTree> read_source_tree(const std::string& folder) {
  SourceTree tree;
  std::error_code error;
  if (!fs::is_directory(folder, error))
    return stdx::fail(Code::not_found, format("{} is no folder", folder));
  std::uint64_t total = 0;
  for (auto at = fs::recursive_directory_iterator(folder, error);
       at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (error) return stdx::fail(Code::failed, format("{}: {}", folder, error.message()));
    const auto relative = fs::relative(at->path(), folder).generic_string();
    if (at->is_directory()) {
      if (at->is_symlink()) return stdx::fail(Code::invalid, format("{} is a link", relative));
      continue;
    }
    if (stays_out(relative)) continue;
    if (at->is_symlink() || !at->is_regular_file())
      return stdx::fail(Code::invalid, format("{} is no regular file", relative));
    total += at->file_size();
    if (total > adapters::zip::content_bytes_max || tree.files.size() >= adapters::zip::entries_max)
      return stdx::fail(Code::invalid, format("{} is larger than a MEX may be", folder));
    TRY_ASSIGN(tree.files[relative], read_all(at->path()));
  }
  const auto manifest = tree.files.find("manifest.yaml");
  if (manifest == tree.files.end())
    return stdx::fail(Code::not_found,
                      format("{}/manifest.yaml is missing; `mex init` writes one", folder));
  TRY_ASSIGN(tree.manifest, parse_manifest_source(manifest->second));
  tree.files.erase(manifest);
  return tree;
}

stdx::Status compile_sources(const std::string& folder, const std::string& include) {
  std::error_code error;
  const fs::path spaces = fs::path(folder) / "spaces";
  if (!fs::is_directory(spaces, error)) return {};
  std::vector<fs::path> sorted(fs::directory_iterator(spaces), {});
  std::sort(sorted.begin(), sorted.end());
  for (const auto& space : sorted) {
    if (!fs::is_directory(space / "src", error)) continue;
    std::vector<std::string> sources;
    for (const auto& file : fs::directory_iterator(space / "src"))
      if (file.path().extension() == ".c") sources.push_back(file.path().string());
    if (sources.empty()) continue;
    std::sort(sources.begin(), sources.end());
    std::vector<std::string> arguments = {
        "clang-19", "-std=c23", "--target=wasm32", "-O2", "-nostdlib", "-Wall", "-Wl,--no-entry",
        "-Wl,--strip-all", "-Wl,-z,stack-size=16384", "-I", include,
        // No path of this machine gets into the module: the same source, the same bytes.
        "-ffile-prefix-map=" + folder + "=.", "-o", (space / "core.wasm").string()};
    arguments.insert(arguments.end(), sources.begin(), sources.end());
    if (const auto done = run(arguments); !done)
      return stdx::fail(Code::failed,
                        format("space '{}': {}", space.filename().string(), done.error().message));
  }
  return {};
}

stdx::Status init_source_tree(const std::string& folder, const std::string& name) {
  if (!model::is_name(name))
    return stdx::fail(Code::invalid, format("'{}' is not a valid name", stdx::printable(name, 80)));
  if (fs::exists(folder) && !fs::is_empty(folder))
    return stdx::fail(Code::already_exists, format("{} is there and not empty", folder));
  const std::pair<std::string, std::string> files[] = {
      {"manifest.yaml",
       format("apiVersion: samoza/v1\nkind: MEX\nmetadata:\n  name: {}\n  version: "
              "0.1.0\n  publisher: me\n",
              name)},
      {"topology.yaml",
       format("apiVersion: samoza/v1\nkind: Topology\nmetadata:\n  name: {}\nspaces:\n  - name: "
              "hello\n    type: CALL\npaths:\n  - {{name: again, from: hello, to: hello}}\n",
              name)},
      {"spaces/hello/space.yaml", "type: CALL\ncapabilities: [sys.log]\nidle: wait\n"},
      {"spaces/hello/src/hello.c",
       "#include \"samoza.h\"\n\nstatic char buffer[1024];\n\n"
       "SAMOZA_EXPORT(\"on_init\") int32_t on_init(void) { return sys_log(1, \"hello\", 5); }\n\n"
       "SAMOZA_EXPORT(\"on_process\") int32_t on_process(void) {\n"
       "  int32_t n = net_recv_next(buffer, sizeof buffer, 0, 0);\n"
       "  if (n > 0) sys_log(1, buffer, n);\n  return 0;\n}\n"}};
  for (const auto& [path, text] : files) {
    const auto target = fs::path(folder) / path;
    std::error_code error;
    fs::create_directories(target.parent_path(), error);
    std::ofstream(target) << text;
    if (!fs::exists(target))
      return stdx::fail(Code::failed, format("{} cannot be written", target.string()));
  }
  return {};
}

}  // namespace mex
