// SPDX-License-Identifier: Apache-2.0
#include "zshell/examples.h"

namespace zshell {
namespace {

struct Example {
  std::string_view words;
  std::string_view line;
};
constexpr Example examples[] = {
    {"mesh ping", "mesh ping zhost-2"},
    {"topo submit", "topo submit hello.mex"},
    {"topo status", "topo status hello --watch"},
    {"topo stop", "topo stop hello"},
    {"topo start", "topo start hello"},
    {"topo update", "topo update hello hello-1.1.0.mex"},
    {"topo diff", "topo diff hello hello-1.1.0.mex"},
    {"topo history", "topo history hello"},
    {"topo rollback", "topo rollback hello --to 2"},
    {"topo restart", "topo restart hello worker"},
    {"topo delete", "topo delete hello --keep-data"},
    {"topo purge", "topo purge hello store"},
    {"topo explain", "topo explain hello worker"},
    {"topo events", "topo events hello --follow"},
    {"cluster events", "cluster events --follow"},
    {"cluster forget", "cluster forget zhost-3"},
    {"cluster backup", "cluster backup /var/backups/samoza.db"},
    {"cluster restore", "cluster restore --from zhost-2"},
    {"spaces", "spaces hello/worker"},
    {"spaces logs", "spaces logs hello/worker"},
    {"logs", "logs -f -n 20 hello/worker"},
    {"send", "send hello/desk --data \"two coffees\" --wait"},
    {"spaces open", "spaces open hello/dashboard"},
    {"dead-letters", "dead-letters shop/desk"},
    {"dead-letters list", "dead-letters list -n 200"},
    {"dead-letters show", "dead-letters show 00c0ffee00c0ffee"},
    {"dead-letters retry", "dead-letters retry 00c0ffee00c0ffee"},
    {"dead-letters drop", "dead-letters drop 00c0ffee00c0ffee"},
    {"completion", "completion bash"},
    {"cluster token create", "cluster token create --role read --ttl 30d --note dashboard"},
    {"cluster token revoke", "cluster token revoke 5f0c8a"},
};

}  // namespace

std::string example_of(std::string_view words) {
  for (const auto& example : examples)
    if (example.words == words) return std::string(example.line);
  return std::string(words);
}

}  // namespace zshell
