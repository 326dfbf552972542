// SPDX-License-Identifier: Apache-2.0
#include "mex/source_tree.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "adapters/crypto/crypto.h"
#include "adapters/yaml/yaml.h"
#include "mex/command.h"
#include "mex/languages.h"
#include "mex/page_check.h"
#include "mex/topology_yaml.h"
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

// Hidden files, and what editors and patch tools leave behind.
bool is_leaving(std::string_view name) {
  for (const std::string_view ending : {"~", ".bak", ".orig", ".rej", ".swp", ".tmp"})
    if (name.ends_with(ending)) return true;
  return name.starts_with(".");
}

std::string in_lower_case(std::string text) {
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

class TreeReader {
 public:
  TreeReader(const std::string& folder, const BuildFolders& folders)
      : folder_(fs::absolute(folder).lexically_normal()), shown_(folder), folders_(folders) {}

  stdx::Result<SourceTree> read() {
    std::error_code error;
    if (!fs::is_directory(folder_, error))
      return stdx::fail(Code::not_found, format("{} is no folder", shown_));
    TRY_ASSIGN(spaces_, spaces_of_topology());
    TRY(take_folder(""));
    TRY(compile_spaces());
    TRY(check_letter_case());
    check_pages();
    const auto manifest = tree_.files.find("manifest.yaml");
    if (manifest == tree_.files.end())
      return stdx::fail(Code::not_found,
                        format("{}/manifest.yaml is missing; `mex init` writes one", shown_));
    TRY_ASSIGN(tree_.manifest, parse_manifest_source(manifest->second));
    tree_.files.erase(manifest);
    return std::move(tree_);
  }

 private:
  enum class Place { packed, searched, left_out };

  // The spaces with their types and entries, as far as the files can be read: what is wrong in them
  // is said by validate_files.
  stdx::Result<std::map<std::string, model::Space>> spaces_of_topology() const {
    std::map<std::string, model::Space> spaces;
    std::error_code error;
    if (!fs::is_regular_file(folder_ / "topology.yaml", error)) return spaces;
    std::vector<std::string> unheeded;
    const auto read = [&](const std::string& path) -> stdx::Result<std::string> {
      std::error_code none;
      if (!fs::is_regular_file(fs::symlink_status(folder_ / path, none)))
        return stdx::fail(Code::not_found, path + " is missing");
      return read_all(folder_ / path);
    };
    const auto topology = read_topology(read, "topology.yaml", unheeded);
    for (const auto& space : topology.spaces) spaces[space.name] = space;
    return spaces;
  }

  Place place_in_space(std::string_view name, std::string_view rest, bool is_folder) const {
    const auto at = spaces_.find(std::string(name));
    // Of no space: packed, so that it is said.
    if (at == spaces_.end()) return is_folder ? Place::searched : Place::packed;
    if (at->second.type == model::SpaceType::ui) return is_folder ? Place::searched : Place::packed;
    const auto entry = at->second.entry.substr(std::min(at->second.entry.size(), name.size() + 8));
    if (is_folder)
      return entry.starts_with(std::string(rest) + "/") ? Place::searched : Place::left_out;
    return rest == "space.yaml" || rest == entry ? Place::packed : Place::left_out;
  }

  Place place_of(const std::string& relative, bool is_folder) const {
    if (relative == "spaces" || relative == "world" || relative == "recognizers")
      return is_folder ? Place::searched : Place::left_out;
    if (relative == "manifest.yaml" || relative == "topology.yaml" ||
        relative == "world/layout.yaml")
      return is_folder ? Place::left_out : Place::packed;
    const auto name = fs::path(relative).filename().string();
    const bool is_space = relative == "spaces/" + name && spaces_.contains(name);
    if (is_leaving(name) && !is_space) return Place::left_out;
    if (relative.starts_with("recognizers/")) return is_folder ? Place::searched : Place::packed;
    if (!relative.starts_with("spaces/")) return Place::left_out;
    const auto inside = std::string_view(relative).substr(7);
    const auto slash = inside.find('/');
    if (slash == std::string_view::npos) return is_folder ? Place::searched : Place::left_out;
    return place_in_space(inside.substr(0, slash), inside.substr(slash + 1), is_folder);
  }

  stdx::Status take_folder(const std::string& relative) {
    std::error_code error;
    std::vector<fs::path> sorted;
    for (auto at = fs::directory_iterator(folder_ / relative, error);
         !error && at != fs::directory_iterator(); at.increment(error))
      sorted.push_back(at->path().filename());
    if (error)
      return stdx::fail(Code::failed, format("{}/{}: {}", shown_, relative, error.message()));
    std::sort(sorted.begin(), sorted.end());
    for (const auto& name : sorted)
      TRY(take((relative.empty() ? "" : relative + "/") + name.string()));
    return {};
  }

  stdx::Status take(const std::string& relative) {
    std::error_code error;
    const auto path = folder_ / relative;
    const bool is_link = fs::is_symlink(path, error);
    const bool is_folder = fs::is_directory(path, error);  // of what a link leads to
    const auto place = place_of(relative, is_folder);
    if (place == Place::left_out) {
      tree_.left_out.push_back(relative + (is_folder ? "/" : ""));
      return {};
    }
    if (is_link)
      return stdx::fail(Code::invalid,
                        format("{} is a link; a MEX holds files, so put a copy there", relative));
    if (is_folder) return take_folder(relative);
    if (!fs::is_regular_file(path, error))
      return stdx::fail(Code::invalid, format("{} is no regular file", relative));
    total_ += fs::file_size(path, error);
    if (total_ > adapters::zip::content_bytes_max ||
        tree_.files.size() >= adapters::zip::entries_max)
      return stdx::fail(Code::invalid, format("{} is larger than a MEX may be", shown_));
    TRY_ASSIGN(tree_.files[relative], read_all(path));
    return {};
  }

  void check_pages() {
    for (const auto& [name, space] : spaces_)
      if (space.type == model::SpaceType::ui)
        for (auto at = tree_.files.lower_bound(format("spaces/{}/", name));
             at != tree_.files.end() && at->first.starts_with(format("spaces/{}/", name)); ++at)
          for (auto& finding : check_page(at->first, at->second))
            tree_.notes.push_back(std::move(finding));
  }

  stdx::Status compile_spaces() {
    for (const auto& [name, space] : spaces_) {
      const auto source = folder_ / "spaces" / name / "src";
      std::error_code error;
      // Without an entry its space.yaml could not be read; validate_files says why.
      if (space.type == model::SpaceType::ui || !model::is_name(name) || space.entry.empty() ||
          !fs::is_directory(source, error))
        continue;
      if (tree_.files.contains(space.entry)) {
        tree_.notes.push_back(
            format("{} is packed as it is and spaces/{}/src is not compiled; "
                   "remove it to have it built",
                   space.entry, name));
        continue;
      }
      auto module = compile(name, source.string());
      if (!module)
        return stdx::fail(module.error().code,
                          format("space '{}': {}", name, module.error().message));
      tree_.files[space.entry] = std::move(*module);
      std::erase(tree_.left_out, format("spaces/{}/src/", name));  // it is in the module
    }
    return {};
  }

  stdx::Result<stdx::Bytes> compile(const std::string& name, const std::string& source) const {
    TRY_ASSIGN(const auto* language, language_of(source));
    TRY_ASSIGN(const auto scratch, TemporaryFolder::make_in(folders_.temporary));
    BuildRequest request{.project = folder_.string(),
                         .source = source,
                         .output = scratch.path() + "/core.wasm",
                         .scratch = scratch.path(),
                         .cache = cache_of(source),
                         .sdk = folders_.sdk};
    const auto file = "spaces/" + name + "/space.yaml";
    if (const auto text = tree_.files.find(file); text != tree_.files.end())
      request.stack_bytes = build_settings(text->second, file).stack_bytes;
    TRY(language->build(request));
    return read_all(request.output);
  }

  std::string cache_of(const std::string& source) const {
    if (folders_.cache.empty()) return "";
    return folders_.cache + "/" + adapters::crypto::sha256_hex(source).substr(0, 16);
  }

  stdx::Status check_letter_case() const {
    std::map<std::string, std::string> seen;
    for (const auto& [path, content] : tree_.files) {
      const auto [at, fresh] = seen.emplace(in_lower_case(path), path);
      if (!fresh)
        return stdx::fail(Code::invalid,
                          format("{} and {} differ only in the case of letters, and some systems "
                                 "take them for one file; rename one of them",
                                 at->second, path));
    }
    return {};
  }

  const fs::path folder_;
  const std::string shown_;
  const BuildFolders& folders_;
  std::map<std::string, model::Space> spaces_;
  SourceTree tree_;
  std::uint64_t total_ = 0;
};

}  // namespace

stdx::Result<SourceTree> read_source_tree(const std::string& folder, const BuildFolders& folders) {
  return TreeReader(folder, folders).read();
}

}  // namespace mex
