// SPDX-License-Identifier: Apache-2.0
#include "model/page_host.h"

#include <algorithm>
#include <cctype>
#include <cstdint>

#include "stdx/text.h"

namespace model {

namespace {

constexpr std::size_t label_bytes_max = 63, kept_bytes = 40;

bool in_label(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= label_bytes_max && text.front() != '-' &&
         text.back() != '-' && std::all_of(text.begin(), text.end(), in_label) &&
         text.find("--") == std::string_view::npos;
}

std::string label_of(std::string_view name) {
  if (is_label(name)) return std::string(name);
  std::uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (const unsigned char c : name) hash = (hash ^ c) * std::uint64_t{1099511628211u};
  std::string label;
  for (const unsigned char c : name.substr(0, kept_bytes)) {
    const auto lower = static_cast<char>(std::tolower(c));
    if (in_label(lower) && (lower != '-' || (!label.empty() && label.back() != '-')))
      label.push_back(lower);
  }
  while (!label.empty() && label.back() == '-') label.pop_back();
  return stdx::format("{}--{:016x}", label.empty() ? "x" : label, hash);
}

}  // namespace

std::string page_labels(std::string_view topology, std::string_view space) {
  return label_of(space) + "." + label_of(topology);
}

std::string page_labels_of_host(std::string_view host) {
  std::string name(host.substr(0, host.find(':')));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (!name.ends_with(page_domain)) return "";
  name.resize(name.size() - page_domain.size());
  const auto dot = name.find('.');
  const bool two_labels = dot != std::string::npos && dot > 0 && dot + 1 < name.size() &&
                          name.find('.', dot + 1) == std::string::npos;
  return two_labels ? name : "";
}

}  // namespace model
