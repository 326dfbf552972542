// SPDX-License-Identifier: Apache-2.0
// Versions of a topology: update, diff, rollback, restart, purge, and a deletion that asks first.
#include <nlohmann/json.hpp>

#include "stdx/text.h"
#include "zshell/render.h"
#include "zshell/shell.h"

namespace zshell {

using namespace std::chrono_literals;
using stdx::format;

namespace {

// Takes the word out; whether it was there.
bool take_flag(std::vector<std::string>& words, const std::string& flag) {
  return std::erase(words, flag) > 0;
}

}  // namespace

int Shell::show_changes(const std::string& name, const Answer& answer, bool dry_run) {
  if (answer.exit != done) return answer.exit;
  outside_.print(json_ ? answer.body : render::changes(name, answer.body, dry_run));
  return done;
}

int Shell::topo_update(const std::vector<std::string>& words, bool dry_run) {
  const auto &name = words[0], &file = words[1];
  auto archive = read_topology_file(file);
  if (!archive) return failed;
  wait_for_leader();
  Answer answer;
  Query query{{"update", name}};
  if (dry_run) query["dry_run"] = "1";
  if (file.ends_with(".yaml") || file.ends_with(".yml")) {
    answer = submit_standalone(file, *archive, std::move(query));
  } else {
    if (!dry_run) say_if_copying_is_slow();
    ports::HttpRequest request;
    request.method = "POST";
    request.path = "/v1/topologies";
    request.query = std::move(query);
    request.body = std::move(*archive);
    answer = ask("zrms", std::move(request), file);
  }
  return dry_run ? show_changes(name, answer, dry_run) : follow_change(name, answer);
}

// With --json the last view of the topology is all that is printed.
int Shell::follow_change(const std::string& name, const Answer& answer) {
  if (answer.exit != done) return answer.exit;
  if (!json_) show_changes(name, answer, false);
  const auto reply = render::parse(answer.body);
  const bool nothing = !reply.is_object() || !reply.contains("changes") || reply["changes"].empty();
  return ended(name, nothing ? done : follow_update(name));
}

// Prints each new state until the update is over. A version that was rolled back is a failure.
int Shell::follow_update(const std::string& id) {
  std::string last;
  const auto began = wall();
  for (stdx::Duration waited{};
       waited < update_wait && wall() - began < update_wait && !outside_.interrupted();
       waited += 100ms) {
    std::string state;
    auto line = state_of(id, state);
    if (state == "gone") {
      say_error(stdx::Code::not_found,
                format("topology {} was deleted meanwhile; `topo list` shows those that are there",
                       stdx::printable(id, 80)));
      return failed;
    }
    if (state == "refused") {
      say_error(stdx::Code::denied, line);
      return failed;
    }
    if (state == "unknown") {
      if (line != last && !json_) outside_.print(format("  {}\n", stdx::printable(line, 300)));
      last = line;
      outside_.wait(100ms);
      continue;
    }
    ports::HttpRequest request;
    request.path = "/v1/topologies/" + id;
    request.query["summary"] = "1";
    const auto response = outside_.ask("zrms", std::move(request));
    if (response && response->status == 200) {
      const auto view = render::parse(response->body);
      const auto update = render::field(view, "update");
      const auto phase = render::field(view, "update_state");
      if (!update.empty()) line = format("{}: {}", update, line);
      if (line != last && !json_) outside_.print(format("  {}\n", stdx::printable(line, 300)));
      last = line;
      if (phase == "done" && (state == "running" || state == "stopped")) return done;
      if (phase == "rolled back") return failed;
    }
    outside_.wait(100ms);
  }
  if (!json_)
    outside_.print(format("  not done yet; `topo status {} --watch` goes on showing it\n", id));
  return failed;
}

Shell::Answer Shell::act(const std::string& name, const std::string& action,
                         const nlohmann::json& body) {
  return send("zrms", "POST", "/v1/topologies/" + name + "/" + action, body.dump());
}

int Shell::topo_rollback(std::vector<std::string> words) {
  nlohmann::json body = nlohmann::json::object();
  std::optional<std::string> to;
  for (auto at = words.begin(); at != words.end() && !to;) {
    const bool apart = *at == "--to" && at + 1 != words.end();
    if (apart || at->starts_with("--to=")) {
      to = apart ? *(at + 1) : at->substr(5);
      at = words.erase(at, at + (apart ? 2 : 1));
    } else {
      ++at;
    }
  }
  if (to) {
    const auto version = stdx::parse_u64(*to);
    if (!version || *version == 0) {
      say_error(stdx::Code::invalid,
                format("'{}' is no version: a number, as `topo history` shows them",
                       stdx::printable(*to, 40)));
      return wrong_use;
    }
    body["to"] = *version;
  }
  if (words.size() != 1) return usage("topo rollback NAME [--to VERSION]");
  return follow_change(words[0], act(words[0], "rollback", body));
}

int Shell::topo_restart(std::vector<std::string> words) {
  nlohmann::json body = nlohmann::json::object();
  for (std::size_t i = 1; i < words.size(); ++i) body["spaces"].push_back(words[i]);
  return follow_change(words[0], act(words[0], "restart", body));
}

bool Shell::confirmed(const std::string& what, const std::string& command, bool yes, int& code) {
  if (yes) return true;
  const auto said = outside_.confirm ? outside_.confirm(what + " [yes/no] ") : std::nullopt;
  if (said && *said) return true;
  code = said ? failed : wrong_use;
  if (said)
    outside_.print("nothing was changed\n");
  else
    say_error(stdx::Code::invalid,
              format("{} There is nobody to ask here: say `{} --yes`", what, command));
  return false;
}

int Shell::topo_purge(std::vector<std::string> words) {
  const bool yes = take_flag(words, "--yes");
  if (words.empty()) return usage("topo purge NAME [SPACE ...] [--yes]");
  nlohmann::json body = nlohmann::json::object();
  for (std::size_t i = 1; i < words.size(); ++i) body["spaces"].push_back(words[i]);
  body["dry_run"] = true;
  const auto would = act(words[0], "purge", body);
  if (would.exit != done) return would.exit;
  const auto spaces = render::names(would.body, "spaces");
  if (spaces.empty()) {
    outside_.print(json_ ? would.body : format("{}: there is nothing to purge\n", words[0]));
    return done;
  }
  int code = done;
  if (!confirmed(format("The data of {} of topology {} goes for good.", spaces, words[0]),
                 "topo purge " + words[0], yes, code))
    return code;
  body.erase("dry_run");
  return show(act(words[0], "purge", body), [&](const std::string& text) {
    return format("{}: purged {}\n", words[0], render::names(text, "spaces"));
  });
}

int Shell::topo_delete(std::vector<std::string> words) {
  const bool yes = take_flag(words, "--yes"), keep = take_flag(words, "--keep-data");
  if (words.size() != 1) return usage("topo delete NAME [--keep-data] [--yes]");
  const auto answer = get_pages("/v1/topologies/" + words[0], "placements");
  if (answer.exit != done) return answer.exit;
  const auto data = render::spaces_with_data(answer.body);
  const auto what =
      keep ? format("Topology {} is stopped and deleted; the data of its spaces is kept ({}).",
                    words[0], data.empty() ? "it has none" : data)
      : data.empty()
          ? format("Topology {} is stopped and deleted; its spaces have no data.", words[0])
          : format("Topology {} is stopped and deleted, and the data of {} goes for good.",
                   words[0], data);
  int code = done;
  if (!confirmed(what, format("topo delete {}{}", words[0], keep ? " --keep-data" : ""), yes, code))
    return code;
  ports::HttpRequest request;
  request.method = "DELETE";
  request.path = "/v1/topologies/" + words[0];
  if (keep) request.query["keep_data"] = "1";
  return show(ask("zrms", std::move(request)), [&](const std::string&) {
    return keep ? format(
                      "{}: deleted; `topo submit` of that name brings it back with its data, "
                      "`topo purge {}` removes the data\n",
                      words[0], words[0])
                : format("{}: deleted\n", words[0]);
  });
}

}  // namespace zshell
