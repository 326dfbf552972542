// SPDX-License-Identifier: Apache-2.0
#include "mex/init.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "mex/languages.h"
#include "model/topology.h"
#include "stdx/text.h"

namespace mex {
namespace {

namespace fs = std::filesystem;
using stdx::Code;
using stdx::format;

stdx::Status copy_template(const fs::path& from, const fs::path& to, const std::string& name) {
  constexpr std::string_view mark = "@NAME@";
  std::error_code error;
  for (auto at = fs::recursive_directory_iterator(from, error);
       !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (!at->is_regular_file()) continue;
    std::ifstream file(at->path(), std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    for (auto mark_at = text.find(mark); mark_at != std::string::npos; mark_at = text.find(mark))
      text.replace(mark_at, mark.size(), name);
    const auto target = to / at->path().lexically_relative(from);
    std::error_code made;
    fs::create_directories(target.parent_path(), made);
    std::ofstream out(target, std::ios::binary);
    out << text;
    out.close();
    if (!out) return stdx::fail(Code::failed, format("{} cannot be written", target.string()));
  }
  if (error)
    return stdx::fail(Code::failed, format("the template {} cannot be read: {}; SAMOZA_SDK names "
                                           "the folder sdk/c of an installation",
                                           from.string(), error.message()));
  return {};
}

}  // namespace

stdx::Status init_project(const std::string& folder, const std::string& name,
                          const std::string& language, const std::string& templates) {
  if (!model::is_name(name))
    return stdx::fail(Code::invalid, format("'{}' is not a valid name", stdx::printable(name, 80)));
  std::vector<std::string> options;
  for (const auto& known : languages()) options.push_back(known.option);
  if (std::find(options.begin(), options.end(), language) == options.end())
    return stdx::fail(Code::invalid,
                      format("there is no template for '{}'; --lang is one of {}",
                             stdx::printable(language, 40), fmt::join(options, ", ")));
  std::error_code error;
  if (fs::exists(folder, error) && !fs::is_empty(folder, error))
    return stdx::fail(Code::already_exists, format("{} is there and not empty", folder));
  TRY(copy_template(fs::path(templates) / "common", folder, name));
  return copy_template(fs::path(templates) / language, folder, name);
}

}  // namespace mex
