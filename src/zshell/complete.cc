// SPDX-License-Identifier: Apache-2.0
// Completion: words of the commands, and the names that the running zhost knows. Never a message: a
// shell that completes has no place for one.
#include <nlohmann/json.hpp>
#include <set>

#include "stdx/text.h"
#include "zshell/grammar.h"
#include "zshell/render.h"
#include "zshell/shell.h"

namespace zshell {

using namespace std::chrono_literals;
using nlohmann::json;

namespace {

constexpr std::size_t candidates_max = 1'000;
// Two questions at most, so half a second in all.
constexpr stdx::Duration ask_bound = 250ms;

const json& list_of(const json& reply, const char* name) {
  static const json none = json::array();
  const auto at = reply.find(name);
  return at != reply.end() && at->is_array() ? *at : none;
}

// A plain word: a name needs no quotes, and anything else is not offered.
bool is_plain(const std::string& word) {
  return !word.empty() && word.find_first_not_of(
                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "0123456789_.-/") == std::string::npos;
}

}  // namespace

struct NamesAsked {
  const Outside& outside;

  json get(const char* service, const char* path,
           std::map<std::string, std::string> query = {}) const {
    if (!outside.ask_within) return json::object();
    ports::HttpRequest request;
    request.path = path;
    request.query = std::move(query);
    const auto response = outside.ask_within(service, std::move(request), ask_bound);
    return response && response->status == 200 ? render::parse(response->body) : json::object();
  }

  // Name by id.
  std::map<std::string, std::string> topologies() const {
    std::map<std::string, std::string> names;
    const auto reply = get("zrms", "/v1/topologies", {{"summary", "1"}, {"limit", "1000"}});
    for (const auto& topology : list_of(reply, "topologies"))
      names[render::field(topology, "id")] = render::field(topology, "name");
    return names;
  }

  std::vector<std::string> zhosts() const {
    std::vector<std::string> names;
    const auto reply = get("zrms", "/v1/cluster/zhosts");
    for (const auto& zhost : list_of(reply, "zhosts"))
      names.push_back(render::field(zhost, "zhost_id"));
    return names;
  }

  // Spaces of the topologies that `wanted` takes, by id.
  template <typename Wanted, typename Take>
  void spaces(const Wanted& wanted, const Take& take) const {
    const auto reply = get("zmesh", "/v1/mesh/spaces");
    for (const auto& space : list_of(reply, "spaces"))
      if (const auto id = render::field(space, "topology_id"); wanted(id))
        take(render::field(space, "space"));
  }

  std::vector<std::string> of(const Next& next, const std::string& begun) const {
    std::vector<std::string> names;
    if (next.names == Next::Names::zhosts) return zhosts();
    if (next.names == Next::Names::none) return names;
    const auto all = topologies();
    const auto take = [&](std::string before) {
      return [&names, before = std::move(before)](const std::string& space) {
        names.push_back(before + space);
      };
    };
    // By its name, its id, or the beginning of it.
    const auto is = [&](const std::string& asked) {
      return [&all, asked](const std::string& id) {
        const auto at = all.find(id);
        return (at != all.end() && at->second == asked) ||
               (asked.size() >= 4 && id.starts_with(asked));
      };
    };
    const auto slash = begun.find('/');
    switch (next.names) {
      case Next::Names::topologies:
        for (const auto& [id, name] : all) names.push_back(name);
        // An id that is begun, where no name begins so.
        if (begun.size() >= 4)
          for (const auto& [id, name] : all) names.push_back(id);
        break;
      case Next::Names::spaces_of:
        spaces(is(next.topology), take(""));
        break;
      case Next::Names::spaces:
        if (slash != std::string::npos) {
          spaces(is(begun.substr(0, slash)), take(begun.substr(0, slash + 1)));
          break;
        }
        spaces([](const std::string&) { return true; }, take(""));
        for (const auto& [id, name] : all) names.push_back(name + "/");
        break;
      default:
        break;
    }
    return names;
  }
};

std::vector<std::string> Shell::complete(const std::vector<std::string>& words) const {
  if (words.empty()) return {};
  const auto next = next_of(command_texts(), words);
  std::set<std::string> found(next.words.begin(), next.words.end());
  for (auto& name : NamesAsked{outside_}.of(next, words.back()))
    if (name.starts_with(words.back()) && is_plain(name) && found.size() < candidates_max)
      found.insert(std::move(name));
  return {found.begin(), found.end()};
}

std::vector<std::string> Shell::complete_line(const std::string& line) const {
  auto words = split_words(line);
  if (words.empty() || line.ends_with(' ') || line.ends_with('\t')) words.emplace_back();
  std::vector<std::string> lines;
  // A word in quotes is not as long as it is written: such a line is left alone.
  if (!line.ends_with(words.back())) return lines;
  const auto before = line.substr(0, line.size() - words.back().size());
  for (const auto& word : complete(words)) lines.push_back(before + word);
  return lines;
}

}  // namespace zshell
