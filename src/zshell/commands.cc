// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>

#include "stdx/text.h"
#include "wire/json.h"
#include "zshell/help.h"
#include "zshell/render.h"
#include "zshell/shell.h"

namespace zshell {

using namespace std::chrono_literals;
using stdx::format;
using Words = std::vector<std::string>;

struct Commands {
  struct Row {
    const char* words;  // "topo submit"
    const char* arguments;
    const char* doc;
    int min, max;  // arguments
    int (*run)(Shell&, const Words&);
  };

  // What `status` ends with: that of the service that is worst off.
  static int exit_of(const stdx::Result<ports::HttpResponse>& response) {
    if (!response) return not_reachable;
    return response->status == 200 ? done : failed;  // say, it does not take the token
  }

  static std::string state_line(const std::string& service,
                                const stdx::Result<ports::HttpResponse>& response) {
    if (!response) return format("{}:\n  status=unreachable\n", service);
    if (response->status != 200)
      return format("{}:\n  status=error\n  {}\n", service,
                    stdx::printable(wire::error_from_response(*response).message, 600));
    const auto s = render::parse(response->body);
    const auto text = [&](const char* name) {
      if (!s.contains(name)) return std::string();
      return s[name].is_string() ? s[name].get<std::string>() : s[name].dump();
    };
    std::string line = format("{}:\n  status={} zhost={}", service, text("status"), text("zhost"));
    if (service == "zmesh")
      line += format(" mode={} connections={}", text("mode"), text("connections"));
    if (service == "zrms") {
      line += format(" mode={}", text("mode"));
      if (!text("topologies").empty()) line += " topologies=" + text("topologies");
      line += format(" leader={} term={}", text("leader"), text("term"));
      // Its records may be away while its link, which zmesh shows, is well.
      const auto trouble = text("control_plane"), away = text("away");
      if (!away.empty())
        line += "\n  " + stdx::printable(away, 2000);
      else if (!trouble.empty() && trouble != "connected")
        line += format(
            "\n  control plane: {}; until it is back nothing is placed or declared dead, and what "
            "runs runs on",
            stdx::printable(trouble, 600));
      if (const auto copies = text("copies_detail"); !copies.empty())
        line += format("\n  records: {}; `cluster copies` lists what there is",
                       stdx::printable(copies, 600));
    }
    if (service == "zrun")
      line = format("zrun:\n  status={} spaces={}", text("status"), text("spaces"));
    if (service == "zmesh") line += format("\n  control plane: {}", text("control_plane"));
    return line + "\n";
  }

  static int status(Shell& shell, const Words&) {
    ports::HttpRequest request;
    request.path = "/v1/status";
    const auto zbase = shell.outside_.ask("zbase", std::move(request));
    const char* link = zbase ? (zbase->status == 200 ? "connected" : "error") : "unreachable";
    const auto uptime = render::uptime(zbase ? zbase->body : "");
    nlohmann::json all;
    all["zshell"] = {{"zbase", link}, {"assistant", "disabled"}, {"uptime", uptime}};
    if (!shell.json_)
      shell.outside_.print(
          format("zshell:\n  zbase={} assistant=disabled uptime={}\n", link, uptime));
    int worst = exit_of(zbase);
    for (const char* service : {"zmesh", "zrms", "zrun"}) {
      ports::HttpRequest ask;
      ask.path = "/v1/status";
      const auto response = shell.outside_.ask(service, std::move(ask));
      worst = std::max(worst, exit_of(response));
      if (!shell.json_)
        shell.outside_.print(state_line(service, response));
      else
        all[service] =
            response ? render::parse(response->body) : nlohmann::json{{"status", "unreachable"}};
    }
    if (shell.json_) shell.outside_.print(all.dump() + "\n");
    if (!shell.json_ && !zbase)
      shell.outside_.print(
          format("{}; start the zhost (`startz`), or name another one with --config FILE or --host "
                 "ADDRESS\n",
                 zbase.error().message));
    return worst;
  }

  static int mesh(Shell& shell, const Words&) {
    return shell.show_known(shell.get("zmesh", "/v1/mesh"), render::mesh);
  }
  static int mesh_ping(Shell& shell, const Words& words) {
    nlohmann::json body;
    body["target"] = words.empty() ? "" : words[0];
    return shell.show_known(shell.send("zmesh", "POST", "/v1/mesh/ping", body.dump()),
                            render::ping);
  }
  static int mesh_peers(Shell& shell, const Words&) {
    return shell.show_known(shell.get("zmesh", "/v1/mesh/peers"), render::peers);
  }
  static int mesh_spaces(Shell& shell, const Words&) {
    const auto answer = shell.get("zmesh", "/v1/mesh/spaces");
    // The directory has ids; zrms knows their names, where it answers.
    std::map<std::string, std::string> names;
    if (answer.exit == done && !shell.json_) names = shell.topology_names();
    return shell.show_known(
        answer, [&](const std::string& text) { return render::mesh_spaces(text, names); });
  }
  static int topo(Shell& shell, const Words&) {
    return shell.show_known(shell.get_pages("/v1/topologies", "topologies", /*summary=*/true),
                            render::topologies);
  }
  static int topo_submit(Shell& shell, const Words& words) {
    const bool verbose = words.size() == 2 && words[1] == "--verbose";
    if (words.size() == 2 && !verbose) return shell.usage("topo submit FILE [--verbose]");
    auto archive = shell.read_topology_file(words[0]);
    if (!archive) return failed;
    shell.wait_for_leader();
    const bool yaml = words[0].ends_with(".yaml") || words[0].ends_with(".yml");
    if (!yaml) shell.say_if_copying_is_slow();
    const auto answer =
        yaml ? shell.submit_standalone(words[0], *archive)
             : shell.send("zrms", "POST", "/v1/topologies", std::move(*archive), words[0]);
    if (answer.exit != done) return answer.exit;
    if (!shell.json_) shell.outside_.print(render::submitted(words[0], answer.body, verbose));
    const auto id = render::field(render::parse(answer.body), "topology_id");
    return shell.ended(id, shell.follow(id, "running", 30s));
  }
  static int topo_status(Shell& shell, const Words& words) {
    const bool watch = words.size() == 2 && words[1] == "--watch";
    if (words.size() == 2 && !watch) return shell.usage("topo status ID [--watch]");
    const int code = shell.show_known(shell.get_pages("/v1/topologies/" + words[0], "placements"),
                                      render::topology);
    return watch && code == done ? shell.watch(words[0]) : code;
  }
  static int change(Shell& shell, const std::string& method, const std::string& path) {
    return shell.show(shell.send("zrms", method, path), render::topology);
  }
  static int topo_stop(Shell& shell, const Words& words) {
    const auto answer = shell.send("zrms", "POST", "/v1/topologies/" + words[0] + "/stop");
    if (answer.exit != done) return answer.exit;
    return shell.ended(words[0], shell.follow(words[0], "stopped", 30s));
  }
  static int topo_start(Shell& shell, const Words& words) {
    const auto answer = shell.send("zrms", "POST", "/v1/topologies/" + words[0] + "/start");
    if (answer.exit != done) return answer.exit;
    return shell.ended(words[0], shell.follow(words[0], "running", 30s));
  }
  static int topo_delete(Shell& shell, const Words& words) { return shell.topo_delete(words); }
  static int topo_update(Shell& shell, const Words& words) {
    return shell.topo_update(words, /*dry_run=*/false);
  }
  static int topo_diff(Shell& shell, const Words& words) {
    return shell.topo_update(words, /*dry_run=*/true);
  }
  static int topo_history(Shell& shell, const Words& words) {
    return shell.show_known(
        shell.get("zrms", "/v1/topologies/" + words[0] + "/history", {{"known", "1"}}),
        render::history);
  }
  static int topo_rollback(Shell& shell, const Words& words) { return shell.topo_rollback(words); }
  static int topo_restart(Shell& shell, const Words& words) { return shell.topo_restart(words); }
  static int topo_purge(Shell& shell, const Words& words) { return shell.topo_purge(words); }
  static int topo_events(Shell& shell, const Words& given) {
    auto words = given;
    const bool follow = std::erase(words, "--follow") + std::erase(words, "-f") > 0;
    if (words.size() > 1) return shell.usage("topo events [NAME] [--follow]");
    return shell.events(words.empty() ? "" : words[0], follow);
  }
  static int topo_explain(Shell& shell, const Words& words) { return shell.topo_explain(words); }
  static int cluster_events(Shell& shell, const Words& given) {
    auto words = given;
    const bool follow = std::erase(words, "--follow") + std::erase(words, "-f") > 0;
    if (!words.empty()) return shell.usage("cluster events [--follow]");
    return shell.events("cluster", follow);
  }
  static int cluster(Shell& shell, const Words&) {
    return shell.show(shell.get("zrms", "/v1/cluster"), render::cluster);
  }
  static int cluster_zhosts(Shell& shell, const Words&) {
    return shell.show(shell.get("zrms", "/v1/cluster/zhosts"), render::zhosts);
  }
  static int cluster_forget(Shell& shell, const Words& words) {
    return shell.show(shell.send("zrms", "POST", "/v1/cluster/zhosts/" + words[0] + "/forget"),
                      [&](const std::string&) { return format("{}: forgotten\n", words[0]); });
  }
  static int cluster_recover(Shell& shell, const Words&) {
    return shell.show(shell.send("zrms", "POST", "/v1/cluster/recover"), render::recovered);
  }
  static int cluster_backup(Shell& shell, const Words& words) {
    return shell.show(
        shell.post("zrms", "/v1/cluster/backup", {{"path", words.empty() ? "" : words[0]}}),
        render::copied);
  }
  static int cluster_copies(Shell& shell, const Words&) {
    return shell.show(shell.get("zrms", "/v1/cluster/copies"), render::copies);
  }
  static int cluster_restore(Shell& shell, const Words& given) {
    // The command line puts options behind everything else.
    auto words = given;
    const bool from = std::erase(words, "--from") > 0;
    if (words.empty() || words.size() > (from ? 2u : 1u))
      return shell.usage("cluster restore FILE|--from ZHOST [COPY]");
    std::map<std::string, std::string> query;
    if (from)
      query = {{"from", words[0]}, {"copy", words.size() > 1 ? words[1] : ""}};
    else
      query = {{"path", words[0]}};
    return shell.show(shell.post("zrms", "/v1/cluster/restore", std::move(query)),
                      render::restored);
  }
  static int token_create(Shell& shell, const Words& words) { return shell.token_create(words); }
  static int token_list(Shell& shell, const Words&) { return shell.token_list(); }
  static int token_revoke(Shell& shell, const Words& words) { return shell.token_revoke(words[0]); }
  static int spaces(Shell& shell, const Words& words) {
    if (!words.empty() && std::count(words[0].begin(), words[0].end(), '/') > 1) {
      shell.say_error(
          stdx::Code::invalid,
          format("{} is no space: TOPOLOGY/SPACE, or SPACE alone where one topology has it",
                 stdx::printable(words[0], 80)));
      return wrong_use;
    }
    if (words.empty())
      return shell.show_known(shell.get("zrun", "/v1/spaces"), [](const std::string& text) {
        return render::spaces(text) +
               "These run on this zhost; `mesh spaces` lists those of all zhosts.\n";
      });
    return shell.show_known(shell.get_space(words[0]), render::space);
  }
  static int spaces_logs(Shell& shell, const Words& words) {
    return shell.show(shell.get_space(words[0], "/logs"), render::logs);
  }
  static int logs(Shell& shell, const Words& words) { return shell.logs(words); }
  static int spaces_open(Shell& shell, const Words& words) {
    auto name = words[0];
    if (name.find('/') == std::string::npos) {
      const auto view = shell.get_space(name);
      if (view.exit != done) return view.exit;
      const auto space = render::parse(view.body);
      name = render::field(space, "topology") + "/" + render::field(space, "space");
    }
    return shell.show(
        shell.post("zmesh", "/v1/tickets", {{"space", name}}), [&](const std::string& text) {
          const auto page = render::parse(text);
          return format("{}\n  without a login, once, within a minute: {}\n",
                        render::field(page, "url"), render::field(page, "ticket_url")) +
                 shell.hosts_hint(render::field(page, "url"));
        });
  }
  static int send(Shell& shell, const Words& words) { return shell.send_message(words); }
  static int dead_letters(Shell& shell, const Words& words) { return shell.dead_letters(words); }
  static int dead_letters_show(Shell& shell, const Words& words) {
    const auto answer = shell.get("zrun", "/v1/dead-letters/" + words[0]);
    std::map<std::string, std::string> names;
    if (answer.exit == done && !shell.json_) names = shell.topology_names();
    return shell.show(answer, [&](const auto& text) { return render::dead_letter(text, names); });
  }
  static int dead_letters_retry(Shell& shell, const Words& words) {
    return shell.change_dead_letters("retry", words);
  }
  static int dead_letters_drop(Shell& shell, const Words& words) {
    return shell.change_dead_letters("drop", words);
  }

  static int completion(Shell& shell, const Words& words) {
    const auto script = completion_script(words[0]);
    if (script.empty()) return shell.usage("completion bash|zsh");
    shell.outside_.print(script);
    return done;
  }

  static constexpr Row table[] = {
      {"status", "", "the services of this zhost", 0, 0, status},
      {"mesh", "", "this zhost in the mesh", 0, 0, mesh},
      {"mesh ping", "[ZHOST]", "asks every zhost, or one, to answer", 0, 1, mesh_ping},
      {"mesh peers", "", "the members and their links", 0, 0, mesh_peers},
      {"mesh spaces", "", "every space of the cluster and where it is", 0, 0, mesh_spaces},
      {"topo", "", "the topologies", 0, 0, topo},
      {"topo submit", "FILE.mex|TOPOLOGY.yaml [--verbose]",
       "submits a MEX, or a topology of several; --verbose names all its spaces", 1, 2,
       topo_submit},
      {"topo status", "ID [--watch]", "one topology; --watch shows changes until Ctrl-C", 1, 2,
       topo_status},
      {"topo stop", "ID", "stops a topology; its data stays", 1, 1, topo_stop},
      {"topo start", "ID", "starts a stopped topology", 1, 1, topo_start},
      {"topo update", "NAME FILE.mex|TOPOLOGY.yaml",
       "brings the next version: what changed is replaced, one after the other; what fails brings "
       "the former version back",
       2, 2, topo_update},
      {"topo diff", "NAME FILE.mex|TOPOLOGY.yaml", "what an update would change", 2, 2, topo_diff},
      {"topo history", "NAME", "the versions of a topology", 1, 1, topo_history},
      {"topo rollback", "NAME [--to VERSION]", "brings a former version back", 1, 3, topo_rollback},
      {"topo restart", "NAME [SPACE ...]", "starts its spaces anew, one after the other", 1, 100,
       topo_restart},
      {"topo delete", "NAME [--keep-data] [--yes]", "deletes a topology and its data", 1, 3,
       topo_delete},
      {"topo purge", "NAME [SPACE ...] [--yes]",
       "removes the data that an update or a deletion has kept", 1, 100, topo_purge},
      {"topo explain", "NAME|FILE.mex|TOPOLOGY.yaml [SPACE]",
       "why each space is on its zhost, or on none; of a file: where its spaces would go", 1, 2,
       topo_explain},
      {"topo events", "[NAME] [--follow]", "what happened to a topology, or to all, and why", 0, 2,
       topo_events},
      {"cluster", "", "the whole cluster in a few lines", 0, 0, cluster},
      {"cluster zhosts", "", "the zhosts", 0, 0, cluster_zhosts},
      {"cluster events", "[--follow]", "what happened to the zhosts and the leader", 0, 1,
       cluster_events},
      {"cluster forget", "ZHOST",
       "removes a zhost that will not come back from the list; its certificates end", 1, 1,
       cluster_forget},
      {"cluster recover", "", "accepts records that are behind, and adds what zhosts run", 0, 0,
       cluster_recover},
      {"cluster backup", "[FILE]", "copies the records to a file on the control plane's machine", 0,
       1, cluster_backup},
      {"cluster copies", "", "the copies of the records that zhosts keep", 0, 0, cluster_copies},
      {"cluster restore", "FILE|--from ZHOST [COPY]",
       "puts a copy in place; `cluster recover` comes next", 1, 3, cluster_restore},
      {"cluster token create",
       "[--role ROLE] [--ttl TIME] [--uses N] [--topology NAME] [--note TEXT]",
       "makes a token and prints it, once: for a machine that joins (role super, which is the "
       "default, or local, which never leads), or for a person or program (read, operate, admin, "
       "or "
       "ingress of one topology)",
       0, 10, token_create},
      {"cluster token list", "",
       "the join tokens and the access tokens: what for, until when, by "
       "whom",
       0, 0, token_list},
      {"cluster token revoke", "TOKEN_ID", "ends a join token, or an access token on every zhost",
       1, 1, token_revoke},
      {"spaces", "[[TOPOLOGY/]NAME]", "the spaces of this zhost, or one of the cluster in detail",
       0, 1, spaces},
      {"spaces logs", "[TOPOLOGY/]NAME", "the last log lines of a space", 1, 1, spaces_logs},
      {"logs",
       "[-f|--follow] [-n N] [--since TIME|DURATION] [--previous|--all] [-v] [TOPOLOGY/]NAME",
       "what a space says; -f follows it, --previous is of its former life", 1, 9, logs},
      {"send",
       "TOPOLOGY/SPACE [PATH] [--data TEXT|--base64 TEXT|--file FILE|-] [--wait] [--timeout 30s] "
       "[--id ID]",
       "sends a message to a space that takes them from outside, or along a path of a space; "
       "--wait "
       "prints the answer",
       1, 100, send},
      {"spaces open", "[TOPOLOGY/]NAME", "the address of the page of a UI space, for a browser", 1,
       1, spaces_open},
      {"dead-letters", "[-n N] [TOPOLOGY[/SPACE]]",
       "messages that could not be handled, kept on this zhost; the newest 50", 0, 3, dead_letters},
      {"dead-letters list", "[-n N] [TOPOLOGY[/SPACE]]", "the same as `dead-letters`", 0, 3,
       dead_letters},
      {"dead-letters show", "ID", "one of them, with its payload", 1, 1, dead_letters_show},
      {"dead-letters retry", "ID|TOPOLOGY[/SPACE]",
       "delivers one, or all of a topology or space, again", 1, 1, dead_letters_retry},
      {"dead-letters drop", "[--yes] ID|TOPOLOGY[/SPACE]",
       "removes one, or all of a topology or space, for good", 1, 2, dead_letters_drop},
      {"completion", "bash|zsh", "prints the completion for that shell, for `eval`", 1, 1,
       completion},
  };
};

// In the order of the table.
static const std::vector<CommandText>& texts_of_table() {
  static const auto texts = [] {
    std::vector<CommandText> made;
    for (const auto& row : Commands::table) made.push_back({row.words, row.arguments, row.doc});
    return made;
  }();
  return texts;
}

std::vector<CommandText> Shell::command_texts() {
  auto texts = texts_of_table();
  texts.insert(texts.end(), own_commands().begin(), own_commands().end());
  return texts;
}

std::string Shell::help() {
  return Help(texts_of_table()).list();
}

void Shell::print_help() {
  const Help help(texts_of_table());
  outside_.print(json_ ? help.list_as_json() : help.list());
}

int Shell::no_command(const Words& words, const std::string& before, const std::string& known) {
  say_error(stdx::Code::invalid, Help(texts_of_table()).unknown(words, before, known));
  return wrong_use;
}

int Shell::help_of(const Words& words) {
  if (words.empty()) return print_help(), done;
  const auto page = Help(texts_of_table()).page(words);
  if (!page) return no_command(words, "", "`help` lists them");
  outside_.print(json_ ? page->json : page->text);
  return done;
}

int Shell::run(const Words& words) {
  if (words.empty()) return done;
  if (words[0] == "help" && words.size() > 1) return help_of({words.begin() + 1, words.end()});
  if (words[0] == "help") return print_help(), done;
  if (const auto end = std::find(words.begin(), words.end(), "--help"); end != words.end())
    return help_of({words.begin(), end});
  if (words[0] == "complete") {
    // For the scripts of `completion`; not in the list, as no person needs it.
    const auto from = words.begin() + (words.size() > 1 && words[1] == "--" ? 2 : 1);
    for (const auto& word : complete({from, words.end()})) outside_.print(word + "\n");
    return done;
  }
  const auto at = find_command(texts_of_table(), words);
  if (!at) return no_command(words, "", "`help` lists them");
  const auto* row = &Commands::table[*at];
  const auto used = split_words(row->words).size();
  const Words arguments(words.begin() + static_cast<std::ptrdiff_t>(used), words.end());
  if (const auto wrong = unknown_option({row->words, row->arguments, row->doc}, arguments);
      !wrong.empty()) {
    say_error(stdx::Code::invalid, format("{}; usage: {} {}", wrong, row->words, row->arguments));
    return wrong_use;
  }
  if (row->max == 0 && words.size() > used) {
    std::string known;
    for (const auto& other : Commands::table)
      if (std::string(other.words).starts_with(format("{} ", row->words)))
        known += format("{}`{}`", known.empty() ? "there is " : ", ", other.words);
    if (known.empty()) known = format("`{}` takes no argument", row->words);
    return no_command(words, row->words, known);
  }
  if (static_cast<int>(arguments.size()) < row->min ||
      static_cast<int>(arguments.size()) > row->max)
    return usage(format("{} {}", row->words, row->arguments));
  if (const auto wrong = space_for_topology({row->words, row->arguments, row->doc}, arguments);
      !wrong.empty()) {
    say_error(stdx::Code::invalid, wrong);
    return wrong_use;
  }
  return row->run(*this, arguments);
}

std::string Shell::hosts_hint(const std::string& url) const {
  const auto from = url.find("://");
  if (outside_.host.empty() || outside_.host == "127.0.0.1" || from == std::string::npos) return "";
  const auto name = url.substr(from + 3, url.find_first_of(":/", from + 3) - from - 3);
  return format(
      "  browsers take {} for 127.0.0.1, and this zhost is at {}: add the line `{} {}` to "
      "/etc/hosts\n",
      name, outside_.host, outside_.host, name);
}

}  // namespace zshell
