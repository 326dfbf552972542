// SPDX-License-Identifier: Apache-2.0
#include "zshell/shell.h"

#include <nlohmann/json.hpp>

#include "stdx/encoding.h"
#include "stdx/text.h"
#include "wire/json.h"
#include "zshell/render.h"

namespace zshell {

using namespace std::chrono_literals;
using stdx::format;

Shell::Answer Shell::send(const std::string& service, const std::string& method,
                          const std::string& path, stdx::Bytes body, const std::string& about) {
  ports::HttpRequest request;
  request.method = method;
  request.path = path;
  request.body = std::move(body);
  return ask(service, std::move(request), about);
}

Shell::Answer Shell::get(const std::string& service, const std::string& path,
                         std::map<std::string, std::string> query) {
  ports::HttpRequest request;
  request.path = path;
  request.query = std::move(query);
  return ask(service, std::move(request));
}

Shell::Answer Shell::post(const std::string& service, const std::string& path,
                          std::map<std::string, std::string> query) {
  ports::HttpRequest request;
  request.method = "POST";
  request.path = path;
  request.query = std::move(query);
  return ask(service, std::move(request));
}

Shell::Answer Shell::ask(const std::string& service, ports::HttpRequest request,
                         const std::string& about) {
  return answer_of(service, outside_.ask(service, std::move(request)), about);
}

Shell::Answer Shell::answer_of(const std::string& service,
                               const stdx::Result<ports::HttpResponse>& response,
                               const std::string& about) {
  Answer answer;
  if (!response) {
    answer.exit = not_reachable;
    say_error(stdx::Code::unavailable,
              format("{} is unreachable: {}; start the zhost (`startz`), or name another one with "
                     "--config FILE",
                     service, response.error().message));
    return answer;
  }
  answer.body = response->body;
  if (response->status >= 200 && response->status < 300) return answer;
  answer.exit = failed;
  const auto error = wire::error_from_response(*response);
  say_error(error.code,
            format("{}{}{}: {}", about, about.empty() ? "" : ": ", service, error.message));
  return answer;
}

Shell::Answer Shell::get_space(const std::string& name, const std::string& what) {
  // TOPOLOGY/NAME where several topologies have a space of that name.
  const auto slash = name.find('/');
  std::string topology;
  if (slash != std::string::npos) {
    const auto id = topology_id(name.substr(0, slash));
    if (!id) {
      say_error(id.error().code, id.error().message);
      return {failed, ""};
    }
    topology = *id;
  }
  const auto rest = (slash == std::string::npos ? name : name.substr(slash + 1)) + what;
  return answer_of("zmesh", ask_space(topology, rest, {}));
}

stdx::Result<ports::HttpResponse> Shell::ask_space(const std::string& topology,
                                                   const std::string& rest, Query query) {
  if (!topology.empty()) query["topology"] = topology;
  ports::HttpRequest request;
  request.path = "/v1/mesh/spaces/" + rest;
  request.query = query;
  auto response = outside_.ask("zmesh", request);
  // Without zmesh, or before its directory knows: what runs on this zhost.
  if (!response || (response->status != 200 && response->status != 400)) {
    request.path = "/v1/spaces/" + rest;
    auto local = outside_.ask("zrun", std::move(request));
    if (local && local->status == 200) return local;
  }
  return response;
}

std::map<std::string, std::string> Shell::topology_names() {
  std::map<std::string, std::string> names;
  ports::HttpRequest request;
  request.path = "/v1/topologies";
  request.query = {{"summary", "1"}, {"known", "1"}};
  for (;;) {
    const auto response = outside_.ask("zrms", request);
    if (!response || response->status != 200) return names;
    const auto page = render::parse(response->body);
    if (!page.is_object() || !page.contains("topologies") || !page["topologies"].is_array())
      return names;
    for (const auto& topology : page["topologies"])
      names[render::field(topology, "id")] = render::field(topology, "name");
    const auto next = render::field(page, "next");
    if (next.empty() || next == request.query["after"] || outside_.interrupted()) return names;
    request.query["after"] = next;
  }
}

stdx::Result<std::string> Shell::topology_id(const std::string& asked) {
  ports::HttpRequest request;
  request.path = "/v1/topologies/" + asked;
  request.query = {{"summary", "1"}, {"known", "1"}};
  const auto response = outside_.ask("zrms", std::move(request));
  if (response && response->status == 200)
    return render::field(render::parse(response->body), "id");
  const bool refused = response && (response->status == 404 || response->status == 400);
  // The logs of a topology that was deleted are found by its whole id.
  if (!refused || stdx::is_uuid(asked)) return asked;
  return std::unexpected(wire::error_from_response(*response));
}

void Shell::wait_for_leader() {
  bool said = false;
  for (stdx::Duration waited{}; waited < leader_wait && !outside_.interrupted(); waited += 200ms) {
    ports::HttpRequest request;
    request.path = "/v1/topologies";
    request.query = {{"summary", "1"}, {"limit", "1"}};
    const auto response = outside_.ask("zrms", std::move(request));
    // 504: the one that led does not answer, and took its time to say so; another one is coming.
    if (!response || (response->status != 503 && response->status != 504)) return;
    if (response->status == 504) waited += leader_wait / 2;
    if (!std::exchange(said, true) && !json_)
      outside_.print(
          format("  waiting for a leader: {}\n", wire::error_from_response(*response).message));
    outside_.wait(200ms);
  }
}

int Shell::show(const Answer& answer,
                const std::function<std::string(const std::string&)>& render) {
  if (answer.exit == done) outside_.print(json_ ? answer.body : render(answer.body));
  return answer.exit;
}

void Shell::say_error(stdx::Code code, const std::string& message) {
  if (json_)
    outside_.print(
        nlohmann::json{{"error", {{"code", stdx::to_string(code)}, {"message", message}}}}.dump(
            -1, ' ', false, nlohmann::json::error_handler_t::replace) +
        "\n");
  else
    outside_.print(message + "\n");
}

int Shell::usage(const std::string& line) {
  say_error(stdx::Code::invalid, "usage: " + line);
  return wrong_use;
}

int Shell::ended(const std::string& id, int code) {
  if (!json_) return code;
  const int shown =
      show(get_pages("/v1/topologies/" + id, "placements"), [](const auto& text) { return text; });
  return code == done ? shown : code;
}

void Shell::say_if_copying_is_slow() {
  if (json_) return;
  ports::HttpRequest request;
  request.path = "/v1/cluster";
  const auto response = outside_.ask("zrms", std::move(request));
  if (!response || response->status != 200) return;  // the submit itself will say what is wrong
  const auto view = render::parse(response->body);
  const auto alive = view.is_object() ? view.find("zhosts_alive") : view.end();
  if (alive == view.end() || !alive->is_number_unsigned()) return;
  const auto zhosts = std::min<std::uint64_t>(3, alive->get<std::uint64_t>());
  if (zhosts > 1) outside_.if_slow(500ms, format("  copying to {} zhosts ...\n", zhosts));
}

stdx::WallTime Shell::wall() const {
  return outside_.wall ? outside_.wall() : stdx::WallTime{};
}

// The state of a topology and why, in a line; "unknown" when nobody says, and why not.
std::string Shell::state_of(const std::string& id, std::string& state) {
  ports::HttpRequest request;
  request.path = "/v1/topologies/" + id;
  request.query["summary"] = "1";
  const auto response = outside_.ask("zrms", std::move(request));
  state = response && response->status == 404 ? "gone" : "unknown";
  if (!response) return "waiting: " + response.error().message;
  // No waiting makes such a token a good one.
  if (response->status == 401 || response->status == 403) state = "refused";
  if (response->status != 200)
    return state == "gone"      ? state
           : state == "refused" ? wire::error_from_response(*response).message
                                : "waiting: " + wire::error_from_response(*response).message;
  const auto view = render::parse(response->body);
  state = render::field(view, "state");
  auto line = state;
  if (const auto counts = render::state_counts(view); !counts.empty() && state != "running")
    line += format(" ({})", counts);
  const auto reason = render::field(view, "reason");
  return reason.empty() ? line : line + ": " + reason;
}

// Every page of a list, as one; its pages say where the next begins.
Shell::Answer Shell::get_pages(const std::string& path, const char* list, bool summary) {
  std::map<std::string, std::string> query{{"known", "1"}};
  if (summary) query["summary"] = "1";
  auto whole = get("zrms", path, query);
  auto all = render::parse(whole.body);
  if (whole.exit != done || render::field(all, "next").empty()) return whole;
  while (!render::field(all, "next").empty() && !outside_.interrupted()) {
    query["after"] = render::field(all, "next");
    auto page = get("zrms", path, query);
    if (page.exit != done) return page;
    auto more = render::parse(page.body);
    if (!more.is_object() || !more.contains(list) || !more[list].is_array()) break;
    for (auto& item : more[list]) all[list].push_back(std::move(item));
    all["next"] = render::field(more, "next");
  }
  whole.body = all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return whole;
}

// Prints each new state until the topology is where it should be, or failed, or the time is over.
int Shell::follow(const std::string& id, const std::string& until, stdx::Duration bound) {
  std::string last, state;
  stdx::Duration same{};
  const auto began = wall();
  // A question may take a minute where its zhost is cut off.
  const auto in_time = [&](stdx::Duration waited) {
    return waited < bound && wall() - began < bound;
  };
  for (stdx::Duration waited{}; in_time(waited) && !outside_.interrupted(); waited += 100ms) {
    const auto line = state_of(id, state);
    same = line == last ? same + 100ms : stdx::Duration{};
    // Nothing that goes on by itself: a zhost that fits must come, or the topology must change.
    if (same >= unplaced_wait && line.find(" has no zhost: ") != std::string::npos) {
      if (!json_)
        outside_.print(format(
            "  it is placed as soon as a zhost fits; `topo explain {}` says of each zhost why "
            "it does not\n",
            stdx::printable(id, 80)));
      return failed;
    }
    if (line != last) {
      if (!json_) outside_.print(format("  {}\n", stdx::printable(line, 300)));
      last = line;
    }
    if (state == until) return done;
    // One that failed before it was told to stop goes on saying so until it has.
    if (state == "gone" || state == "refused" || (state == "failed" && until != "stopped"))
      return failed;
    outside_.wait(100ms);
  }
  if (!json_)
    outside_.print(
        format("  not {} yet; `topo status {} --watch` goes on showing it, `logs --previous "
               "TOPOLOGY/SPACE` shows what a space that fails said; a new version mends it (`topo "
               "update`), `topo delete` ends it\n",
               until, id));
  return failed;
}

// Prints each new state for as long as the topology is there and nobody interrupts.
int Shell::watch(const std::string& id) {
  std::string last, state;
  while (!outside_.interrupted()) {
    const auto line = state_of(id, state);
    if (line != last) {
      const auto text = stdx::printable(line, 300);
      outside_.print(json_ ? nlohmann::json{{"topology", id}, {"state", text}}.dump() + "\n"
                           : format("  {}\n", text));
      last = line;
    }
    if (state == "gone") return done;
    if (state == "refused") return failed;
    outside_.wait(100ms);
  }
  if (!json_) outside_.print("\n");  // the prompt is not to stand behind the terminal's ^C
  return done;
}

std::vector<std::string> split_words(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false, any = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
      any = true;
    } else if ((c == ' ' || c == '\t') && !quoted) {
      if (any) words.push_back(std::exchange(word, ""));
      any = false;
    } else {
      word += c;
      any = true;
    }
  }
  if (any) words.push_back(word);
  return words;
}

}  // namespace zshell
