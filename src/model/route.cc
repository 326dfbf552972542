// SPDX-License-Identifier: Apache-2.0
#include "model/route.h"

#include <algorithm>

#include "stdx/text.h"

namespace model {
namespace {

constexpr std::string_view reserved[] = {"v1", "healthz", "metrics", "spaces"};

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

std::string_view first_segment(std::string_view path) {
  if (path.empty() || path[0] != '/') return {};
  path.remove_prefix(1);
  return path.substr(0, path.find('/'));
}

}  // namespace

bool is_reserved_path(std::string_view path) {
  const auto first = first_segment(path);
  return first.empty() ||
         std::find(std::begin(reserved), std::end(reserved), first) != std::end(reserved);
}

std::string check_route(std::string_view route) {
  const auto shown = stdx::printable(route, 80);
  if (route.empty() || route[0] != '/' || route.size() == 1)
    return stdx::format("route '{}' must begin with '/' and a name, such as /shop", shown);
  if (route.size() > route_bytes_max)
    return stdx::format("route '{}' has {} bytes; {} are allowed", shown, route.size(),
                        route_bytes_max);
  const auto segments = stdx::split(route.substr(1), '/');
  if (segments.size() > route_segments_max)
    return stdx::format("route '{}' has {} parts; {} are allowed", shown, segments.size(),
                        route_segments_max);
  for (const auto segment : segments)
    if (segment.empty() || segment == "." || segment == ".." ||
        !std::all_of(segment.begin(), segment.end(), is_plain))
      return stdx::format(
          "route '{}': each part between '/' has letters, digits, '-', '_', '.' and '~' alone, and "
          "none is empty",
          shown);
  if (is_reserved_path(route))
    return stdx::format("route '{}': paths below /{} are the services' own", shown, segments[0]);
  return "";
}

void each_route_of(std::string_view path, const std::function<bool(std::string_view)>& found) {
  if (is_reserved_path(path)) return;
  std::size_t segments = 0, end = 0;
  while (end < path.size() && segments < route_segments_max) {
    end = std::min(path.find('/', end + 1), path.size());
    ++segments;
  }
  for (auto prefix = path.substr(0, end); !prefix.empty();
       prefix = prefix.substr(0, prefix.rfind('/')))
    if (found(prefix)) return;
}

}  // namespace model
