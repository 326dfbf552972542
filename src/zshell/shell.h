// SPDX-License-Identifier: Apache-2.0
#pragma once

// The operator's shell: words in, text out. It asks the services of one zhost over HTTP through
// `ask` and renders what they answer; nothing else. Exit codes: 0 done, 1 failed, 2 wrong use, 3
// not reachable.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "model/topology.h"
#include "ports/http.h"
#include "stdx/result.h"
#include "stdx/time.h"
#include "zshell/grammar.h"

namespace zshell {

enum Exit : int { done = 0, failed = 1, wrong_use = 2, not_reachable = 3 };

struct Outside {
  // Asks a service ("zmesh", "zrms", "zrun", "zbase") and waits for its answer.
  std::function<stdx::Result<ports::HttpResponse>(const std::string& service, ports::HttpRequest)>
      ask;
  std::function<stdx::Result<stdx::Bytes>(const std::string& path)> read_file;  // "-": stdin
  // The same with a bound; none: completion knows no names.
  std::function<stdx::Result<ports::HttpResponse>(const std::string& service, ports::HttpRequest,
                                                  stdx::Duration)>
      ask_within;
  // A stand-alone topology.yaml; Code::invalid with everything that is wrong, one line each.
  std::function<stdx::Result<model::Topology>(const std::string& text, const std::string& file)>
      read_topology;
  std::function<void(stdx::Duration)> wait;
  // Prints the text once the next question has waited this long for its answer; else never.
  std::function<void(stdx::Duration, std::string)> if_slow;
  std::function<bool()> interrupted;  // Ctrl-C came since the command began
  // Asks a person, who says yes or something else; none where nobody can be asked.
  std::function<std::optional<bool>(const std::string&)> confirm;
  // Printed at once, for what takes its time.
  std::function<void(const std::string&)> print;
  std::function<stdx::WallTime()> wall;
  bool colours = false;   // for a terminal that shows them
  std::string host = {};  // the address of the zhost that is asked
};

class Shell {
 public:
  Shell(Outside outside, bool json) : outside_(std::move(outside)), json_(json) {}

  static constexpr stdx::Duration leader_wait = std::chrono::seconds(10);
  static constexpr stdx::Duration unplaced_wait = std::chrono::seconds(3);
  static constexpr stdx::Duration update_wait = std::chrono::minutes(5);

  // One command, already split into words.
  int run(const std::vector<std::string>& words);
  static std::string help();
  // The table of commands: words, arguments, what they do.
  static std::vector<CommandText> command_texts();
  // What the last of `words`, which is being written, may become: words and names of the running
  // zhost, as far as it answers at once.
  std::vector<std::string> complete(const std::vector<std::string>& words) const;
  // The same for a whole line.
  std::vector<std::string> complete_line(const std::string& line) const;

 private:
  friend struct Commands;
  friend class LogReader;
  struct Answer {
    int exit = done;
    std::string body;  // JSON when exit is done
  };
  // Asks; on failure prints why and gives the exit code.
  Answer get(const std::string& service, const std::string& path,
             std::map<std::string, std::string> query = {});
  Answer post(const std::string& service, const std::string& path,
              std::map<std::string, std::string> query);
  Answer send(const std::string& service, const std::string& method, const std::string& path,
              stdx::Bytes body = {}, const std::string& about = "");
  // `about`: the file that was sent, for what is wrong in it.
  // Without a leader: what was known then.
  Answer get_pages(const std::string& path, const char* list, bool summary = false);
  Answer ask(const std::string& service, ports::HttpRequest request, const std::string& about = "");
  Answer answer_of(const std::string& service, const stdx::Result<ports::HttpResponse>& response,
                   const std::string& about = "");
  // What is known of a space ([TOPOLOGY/]NAME) of any zhost; `what` is "" or "/logs".
  Answer get_space(const std::string& name, const std::string& what = "");
  using Query = std::map<std::string, std::string>;
  // The same with the topology as its id or empty, saying nothing: zmesh is asked, and without it
  // zrun.
  stdx::Result<ports::HttpResponse> ask_space(const std::string& topology, const std::string& rest,
                                              Query query);
  int logs(const std::vector<std::string>& words);
  int send_message(const std::vector<std::string>& words);  // send.cc
  // What a browser on this machine needs, where it would take the page's host for 127.0.0.1.
  std::string hosts_hint(const std::string& url) const;
  int dead_letters(std::vector<std::string> words);  // dead_letters.cc
  int change_dead_letters(const std::string& verb, std::vector<std::string> words);
  int token_create(const std::vector<std::string>& words);  // tokens.cc
  int token_list();
  int token_revoke(const std::string& id);
  // Of a topology, of the cluster itself ("cluster"), or of all topologies and the cluster ("").
  int events(std::string topology, bool follow);
  // The id of a topology given by name, id, or the beginning of its id; what was given where zrms
  // cannot be asked. An error is zrms's: there is none, or several ids begin so.
  stdx::Result<std::string> topology_id(const std::string& asked);
  // A cluster that was just started has none for some seconds: says so, and waits leader_wait at
  // most. What comes then tells whether there is one.
  void wait_for_leader();
  int show(const Answer& answer, const std::function<std::string(const std::string&)>& render);
  // The same of what can be read without a leader: says first since when there is none.
  int show_known(const Answer& answer,
                 const std::function<std::string(const std::string&)>& render);
  // In the words of this zhost's zrms; empty: there is a leader, or it does not answer.
  std::string away();
  // Before a submit that may take its time: to how many zhosts the archives go.
  void say_if_copying_is_slow();
  // `query`: "update", the topology that it is the next version of; "dry_run" and "explain": it is
  // not submitted.
  Answer submit_standalone(const std::string& file, const std::string& text, Query query = {});
  int topo_explain(const std::vector<std::string>& words);
  // --- versions (versions.cc) ---
  int topo_update(const std::vector<std::string>& words, bool dry_run);
  int topo_rollback(std::vector<std::string> words);
  int topo_restart(std::vector<std::string> words);
  int topo_purge(std::vector<std::string> words);
  int topo_delete(std::vector<std::string> words);
  int show_changes(const std::string& name, const Answer& answer, bool dry_run);
  int follow_update(const std::string& id);
  int follow_change(const std::string& name, const Answer& answer);
  // False: not confirmed; `code` is what the command ends with.
  bool confirmed(const std::string& what, const std::string& command, bool yes, int& code);
  Answer act(const std::string& name, const std::string& action, const nlohmann::json& body);
  // What is said to a person; with --json {"error":{"code","message"}}.
  void say_error(stdx::Code code, const std::string& message);
  // A MEX or a stand-alone topology that an operator named; none: it was said why.
  std::optional<stdx::Bytes> read_topology_file(const std::string& file);
  int usage(const std::string& line);
  void print_help();
  int help_of(const std::vector<std::string>& words);
  int no_command(const std::vector<std::string>& words, const std::string& before,
                 const std::string& known);
  // The end of a command that followed a topology: with --json its last view.
  int ended(const std::string& id, int code);
  // The epoch where nobody tells the time.
  stdx::WallTime wall() const;
  // By id; empty where zrms does not answer.
  std::map<std::string, std::string> topology_names();
  int follow(const std::string& id, const std::string& until, stdx::Duration bound);
  int watch(const std::string& id);
  std::string state_of(const std::string& id, std::string& state);

  Outside outside_;
  bool json_;
};

// Splits a line into words; "double quotes" keep spaces.
std::vector<std::string> split_words(const std::string& line);

}  // namespace zshell
