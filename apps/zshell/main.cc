// SPDX-License-Identifier: Apache-2.0
// zshell: the operator's shell; with words it runs one command, without it asks for them.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "adapters/line_editor/line_editor.h"
#include "adapters/loop/loop.h"
#include "adapters/net/http_client.h"
#include "adapters/posix/files.h"
#include "adapters/posix/interrupt.h"
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
  outside.interrupted = adapters::posix::Interrupt::came;
  outside.print = [](const std::string& text) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  };
  outside.zrun_url = target.urls.at("zrun");
  outside.uptime = loop.now() - started;
  return outside;
}

int run(const zshell::Outside& outside, bool json, const std::vector<std::string>& words) {
  const adapters::posix::Interrupt interrupt;
  return zshell::Shell(outside, json).run(words);
}

int repl(const std::function<zshell::Outside()>& outside) {
  int number = 0, last = zshell::done;
  const auto home = env("HOME", "");
  adapters::line_editor::LineEditor editor(
      {.prompt = [&number] { return stdx::format("zshell[{}] >> ", number); },
       .completions = zshell::Shell::completions,
       .history_file = home.empty() ? "" : home + "/.zshell_history"});
  while (const auto line = editor.next()) {
    const auto words = zshell::split_words(*line);
    if (words.empty()) continue;
    if (words[0] == "exit" || words[0] == "quit") break;
    last = run(outside(), false, words);
    ++number;
  }
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
  const auto outside = [&] { return outside_of(loop, http, target, started); };
  return words.empty() ? repl(outside) : run(outside(), json, words);
}
