// SPDX-License-Identifier: Apache-2.0
// zshell: the operator's shell; with words it runs one command, without it asks for them.
#include <histedit.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "adapters/loop/loop.h"
#include "adapters/net/http_client.h"
#include "adapters/posix/files.h"
#include "adapters/yaml/yaml.h"
#include "config/zhost_config.h"
#include "mex/topology_yaml.h"
#include "stdx/text.h"
#include "zshell/shell.h"

namespace {

using adapters::posix::read_file;

std::string env(const char* name, std::string fallback) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::move(fallback) : value;
}

struct Target {
  std::map<std::string, std::string> urls;
  std::string token;
};

// From the configuration of a zhost where one is given, else the defaults (R-SVC-6, R-ENV-5).
Target target_of(const std::string& config_file, std::string run_dir, std::string host) {
  config::ZhostConfig config;
  config.run_dir = run_dir.empty() ? "run" : run_dir;
  if (!config_file.empty()) {
    const auto text = read_file(config_file, adapters::yaml::bytes_max);
    const auto node = text ? adapters::yaml::parse(*text, config_file)
                           : stdx::fail(stdx::Code::not_found, text.error().message);
    const auto parsed = node ? config::parse_zhost_config(*node, config_file, {})
                             : stdx::Result<config::ZhostConfig>(std::unexpected(node.error()));
    if (!parsed) {
      std::fprintf(stderr, "zshell: %s\n", parsed.error().message.c_str());
      std::exit(zshell::wrong_use);
    }
    config = *parsed;
  }
  if (!host.empty()) config.bind = host;
  const auto at = [&](std::uint16_t port) {
    return stdx::format("http://{}:{}", config.bind, port);
  };
  Target target;
  target.urls = {{"zmesh", env("ZSHELL_ZMESH", at(config.zmesh_port))},
                 {"zrms", env("ZSHELL_ZRMS", at(config.zrms_port))},
                 {"zrun", env("ZSHELL_ZRUN", at(config.zrun_port))},
                 {"zbase", env("ZSHELL_ZBASE", at(config.zbase_port))}};
  const auto token = read_file(env("ZSHELL_TOKEN_FILE", config.run_dir + "/token"), 4096);
  if (token) target.token = *token;
  return target;
}

stdx::Result<ports::Endpoint> endpoint_of(const std::string& url) {
  if (!url.starts_with("http://"))
    return stdx::fail(stdx::Code::invalid, url + " is no http:// URL");
  const auto rest = url.substr(7, url.find('/', 7) - 7);
  const auto colon = rest.rfind(':');
  const auto port =
      colon == std::string::npos ? 80 : stdx::parse_u64(rest.substr(colon + 1)).value_or(0);
  return ports::Endpoint::tcp(rest.substr(0, colon), static_cast<std::uint16_t>(port));
}

zshell::Outside outside_of(adapters::loop::Loop& loop, adapters::net::NetHttpClient& http,
                           const Target& target, stdx::Instant started) {
  zshell::Outside outside;
  outside.ask = [&loop, &http, target](
                    const std::string& service,
                    ports::HttpRequest request) -> stdx::Result<ports::HttpResponse> {
    TRY_ASSIGN(const auto endpoint, endpoint_of(target.urls.at(service)));
    request.headers["Authorization"] = "Bearer " + target.token;
    stdx::Result<ports::HttpResponse> got = stdx::fail(stdx::Code::failed, "no answer");
    http.request(endpoint, std::move(request), std::chrono::seconds(60), [&](auto response) {
      got = std::move(response);
      loop.stop();
    });
    loop.run();
    loop.restart();
    return got;
  };
  outside.read_file = [](const std::string& path) { return read_file(path, 256u << 20); };
  outside.read_topology = [](const std::string& text,
                             const std::string& file) -> stdx::Result<model::Topology> {
    std::vector<std::string> findings;
    auto topology = mex::read_standalone(text, file, findings);
    if (findings.empty()) return topology;
    return stdx::fail(stdx::Code::invalid, stdx::format("{}", fmt::join(findings, "\n")));
  };
  outside.wait = [&loop](stdx::Duration d) {
    loop.after(d, [&loop] { loop.stop(); });
    loop.run();
    loop.restart();
  };
  outside.print = [](const std::string& text) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  };
  outside.zrun_url = target.urls.at("zrun");
  outside.uptime = loop.now() - started;
  return outside;
}

int prompt_number = 0;
char prompt_text[64];
char* prompt(EditLine*) {
  std::snprintf(prompt_text, sizeof prompt_text, "zshell[%d] >> ", prompt_number);
  return prompt_text;
}

unsigned char complete(EditLine* edit, int) {
  const auto* line = el_line(edit);
  const std::string text(line->buffer, line->cursor);
  const auto list = zshell::Shell::completions(text);
  if (list.empty()) return CC_ERROR;
  // As far as all of them agree.
  std::string common = list[0];
  for (const auto& item : list) {
    std::size_t n = 0;
    while (n < common.size() && n < item.size() && common[n] == item[n]) ++n;
    common.resize(n);
  }
  if (common.size() > text.size()) {
    el_insertstr(edit, common.c_str() + text.size());
    return CC_REFRESH;
  }
  std::printf("\n");
  for (const auto& item : list) std::printf("%s  ", item.c_str());
  std::printf("\n");
  return CC_REDISPLAY;
}

int repl(adapters::loop::Loop& loop, adapters::net::NetHttpClient& http, const Target& target,
         stdx::Instant started) {
  EditLine* edit = el_init("zshell", stdin, stdout, stderr);
  History* history = history_init();
  HistEvent event;
  ::history(history, &event, H_SETSIZE, 500);
  el_set(edit, EL_PROMPT, prompt);
  el_set(edit, EL_EDITOR, "emacs");
  el_set(edit, EL_HIST, ::history, history);
  el_set(edit, EL_ADDFN, "complete", "completes a command", complete);
  el_set(edit, EL_BIND, "^I", "complete", nullptr);
  int count = 0, last = zshell::done;
  while (const char* line = el_gets(edit, &count)) {
    if (count <= 0) break;
    std::string text(line, static_cast<std::size_t>(count));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    const auto words = zshell::split_words(text);
    if (words.empty()) continue;
    ::history(history, &event, H_ENTER, text.c_str());
    if (words[0] == "exit" || words[0] == "quit") break;
    last = zshell::Shell(outside_of(loop, http, target, started), false).run(words);
    ++prompt_number;
  }
  history_end(history);
  el_end(edit);
  return last;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli("zshell: the operator's shell. Without a command it asks for commands.");
  bool json = false;
  std::string config_file = env("SAMOZA_CONFIG", ""), run_dir = env("SAMOZA_RUN_DIR", ""), host;
  std::vector<std::string> words;
  cli.add_flag("--json", json, "answers as JSON");
  cli.add_option("--config", config_file, "configuration of the zhost to talk to");
  cli.add_option("--run-dir", run_dir, "its run_dir, where the operator token is");
  cli.add_option("--host", host, "its address (default 127.0.0.1)");
  cli.add_option("command", words, "a command, as `zshell help` lists them");
  cli.allow_extras();
  cli.footer("\n" + zshell::Shell::help());
  try {
    cli.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return cli.exit(help);
  } catch (const CLI::ParseError& error) {
    cli.exit(error);
    return zshell::wrong_use;
  }
  // What looks like an option of a command (--watch) belongs to it.
  for (const auto& extra : cli.remaining()) words.push_back(extra);
  adapters::loop::Loop loop;
  adapters::net::NetHttpClient http(loop, "");
  const auto started = loop.now();
  const auto target = target_of(config_file, run_dir, host);
  if (words.empty()) return repl(loop, http, target, started);
  return zshell::Shell(outside_of(loop, http, target, started), json).run(words);
}
