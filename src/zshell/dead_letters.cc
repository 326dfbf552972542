// SPDX-License-Identifier: Apache-2.0
// `dead-letters`: lists those of this zhost, and delivers or drops one of them or all of a space.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "stdx/text.h"
#include "zshell/render.h"
#include "zshell/shell.h"

namespace zshell {

using nlohmann::json;
using stdx::format;

namespace {

constexpr std::size_t shown_by_default = 50;
constexpr std::size_t id_digits = 16;

bool is_id(const std::string& word) {
  return word.size() == id_digits &&
         word.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// "TOPOLOGY" or "TOPOLOGY/SPACE", the receiver; a topology by its name or id.
bool is_of(const json& letter, const std::string& what,
           const std::map<std::string, std::string>& names) {
  const auto slash = what.find('/');
  const auto topology = what.substr(0, slash);
  const auto id = render::field(letter, "topology_id");
  const auto named = names.find(id);
  if (topology != id && (named == names.end() || named->second != topology)) return false;
  return slash == std::string::npos || render::field(letter, "to") == what.substr(slash + 1);
}

}  // namespace

int Shell::dead_letters(std::vector<std::string> words) {
  std::size_t most = shown_by_default;
  std::string what;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool number = words[i] == "-n" && i + 1 < words.size();
    const auto given = number ? stdx::parse_u64(words[++i]) : std::nullopt;
    if (number && !given) return usage("dead-letters [-n N] [TOPOLOGY[/SPACE]]");
    if (number)
      most = static_cast<std::size_t>(*given);
    else if (what.empty() && !words[i].starts_with("-"))
      what = words[i];
    else
      return usage("dead-letters [-n N] [TOPOLOGY[/SPACE]]");
  }
  const auto answer = get("zrun", "/v1/dead-letters");
  if (answer.exit != done) return answer.exit;
  if (json_ && what.empty()) return show(answer, [](const std::string& text) { return text; });
  const auto names = topology_names();
  auto reply = render::parse(answer.body);
  if (!reply.is_object()) reply = json::object();
  auto letters = json::array();
  if (const auto all = reply.find("letters"); all != reply.end() && all->is_array())
    for (const auto& letter : *all)
      if (what.empty() || is_of(letter, what, names)) letters.push_back(letter);
  const auto found = letters.size();
  // Oldest first, so the newest are the last.
  if (!json_ && found > most)
    letters.erase(letters.begin(), letters.begin() + static_cast<std::ptrdiff_t>(found - most));
  reply["letters"] = letters;
  if (json_) {
    outside_.print(reply.dump() + "\n");
    return done;
  }
  outside_.print(render::dead_letters(reply.dump(), found, what, names));
  if (found > letters.size())
    outside_.print(format("the newest {} of {}; `-n {}` shows all, TOPOLOGY[/SPACE] those of one\n",
                          letters.size(), found, found));
  return done;
}

int Shell::change_dead_letters(const std::string& verb, std::vector<std::string> words) {
  const auto yes = std::erase(words, "--yes") > 0;
  if (words.size() != 1) return usage(format("dead-letters {} [--yes] ID|TOPOLOGY[/SPACE]", verb));
  const auto& what = words[0];
  const auto path = [&](const std::string& id) {
    return format("/v1/dead-letters/{}/{}", id, verb);
  };
  const char* said =
      verb == "retry" ? "is delivered again; it leaves the list when it was handled" : "dropped";
  if (is_id(what))
    return show(send("zrun", "POST", path(what)),
                [&](const std::string&) { return format("{}: {}\n", what, said); });
  const auto answer = get("zrun", "/v1/dead-letters");
  if (answer.exit != done) return answer.exit;
  const auto names = topology_names();
  std::vector<std::string> ids;
  const auto reply = render::parse(answer.body);
  if (const auto all = reply.find("letters"); all != reply.end() && all->is_array())
    for (const auto& letter : *all)
      if (is_of(letter, what, names)) ids.push_back(render::field(letter, "id"));
  if (ids.empty()) {
    say_error(stdx::Code::not_found,
              format("no dead letter of '{}' is kept on this zhost; `dead-letters` lists those "
                     "that are, and a single one goes by its id of {} digits",
                     stdx::printable(what, 80), id_digits));
    return failed;
  }
  int code = done;
  if (verb == "drop" && !confirmed(format("{} dead letters of {} go for good.", ids.size(), what),
                                   format("dead-letters drop {}", what), yes, code))
    return code;
  std::size_t changed = 0;
  for (const auto& id : ids) {
    // The first that fails says why; what failed for it, say a space that does not run, fails for
    // the rest.
    if (const auto one = send("zrun", "POST", path(id)); one.exit != done) {
      code = one.exit;
      break;
    }
    ++changed;
  }
  if (json_)
    outside_.print(json{{"changed", changed}, {"of", ids.size()}}.dump() + "\n");
  else
    outside_.print(format("{} of {} dead letters of {}: {}\n", changed, ids.size(), what,
                          verb == "retry" ? "are delivered again" : "dropped"));
  return code;
}

}  // namespace zshell
