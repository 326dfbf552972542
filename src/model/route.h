// SPDX-License-Identifier: Apache-2.0
#pragma once

// The HTTP route of a space (space.yaml, `http: {route: /shop}`): it answers the requests whose
// path is the route, or begins with it and a '/'. Pure.

#include <functional>
#include <string>
#include <string_view>

namespace model {

inline constexpr std::size_t route_bytes_max = 200;
inline constexpr std::size_t route_segments_max = 8;

// What is wrong with it; empty: nothing.
std::string check_route(std::string_view route);

// A path that a route never takes: the services' own.
bool is_reserved_path(std::string_view path);

// Gives `found` the routes that may take the path, the longest first, until it says true. Nothing
// for paths that are reserved.
void each_route_of(std::string_view path, const std::function<bool(std::string_view)>& found);

}  // namespace model
