// SPDX-License-Identifier: Apache-2.0
#include "zbase/zhost_metrics.h"

#include <map>
#include <string_view>

#include "stdx/text.h"

namespace zbase {
namespace {

using stdx::format;

struct Family {
  std::string help, type;  // whole lines
  std::string samples;
};
using Families = std::map<std::string, Family, std::less<>>;

std::string_view word(std::string_view text, std::size_t from) {
  const auto end = text.find_first_of(" {", from);
  return text.substr(from, end == std::string_view::npos ? end : end - from);
}

// "name{a="b"} 1" with the label put in front of the others.
std::string labelled(std::string_view line, const std::string& service) {
  const auto name = word(line, 0);
  auto rest = std::string(line.substr(name.size()));
  if (!rest.starts_with("{")) return format("{}{{service=\"{}\"}}{}\n", name, service, rest);
  for (const char* before : {"{", ","})
    if (const auto at = rest.find(format("{}service=\"", before)); at != std::string::npos)
      rest.insert(at + 1, "exported_");
  return format("{}{{service=\"{}\"{}{}\n", name, service, rest.starts_with("{}") ? "" : ",",
                rest.substr(1));
}

void gather(std::string_view text, const std::string& service, Families& families) {
  std::string family;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty()) continue;
    const bool help = line.starts_with("# HELP "), type = line.starts_with("# TYPE ");
    if (help || type) {
      family = word(line, 7);
      auto& of = families[family];
      auto& kept = help ? of.help : of.type;
      if (kept.empty()) kept = format("{}\n", line);
      continue;
    }
    if (line.starts_with("#")) continue;
    // The series of a histogram have longer names than their family.
    const auto name = word(line, 0);
    if (family.empty() || !name.starts_with(family)) family = name;
    families[family].samples += labelled(line, service);
  }
}

}  // namespace

std::string zhost_metrics(
    const std::vector<std::pair<std::string, stdx::Result<std::string>>>& pages) {
  Families families;
  auto& up = families["samoza_service_up"];
  up.help = "# HELP samoza_service_up 1 where the service of this zhost answered\n";
  up.type = "# TYPE samoza_service_up gauge\n";
  for (const auto& [service, page] : pages) {
    up.samples += format("samoza_service_up{{service=\"{}\"}} {}\n", service, page ? 1 : 0);
    if (page) gather(*page, service, families);
  }
  std::string text;
  for (const auto& [name, family] : families) text += family.help + family.type + family.samples;
  return text;
}

}  // namespace zbase
