// SPDX-License-Identifier: Apache-2.0
#include "outside.h"

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "adapters/posix/files.h"
#include "adapters/posix/interrupt.h"
#include "common/app.h"
#include "mex/topology_yaml.h"
#include "stdx/text.h"

namespace zshell_app {
namespace {

using adapters::posix::read_file;

stdx::Result<ports::Endpoint> endpoint_of(const std::string& url) {
  if (!url.starts_with("http://"))
    return stdx::fail(stdx::Code::invalid, url + " is no http:// URL");
  const auto rest = url.substr(7, url.find('/', 7) - 7);
  const auto colon = rest.rfind(':');
  const auto port =
      colon == std::string::npos ? 80 : stdx::parse_u64(rest.substr(colon + 1)).value_or(0);
  if (port == 0 || port > 65535)
    return stdx::fail(stdx::Code::invalid, url + " has no port from 1 to 65535");
  return ports::Endpoint::tcp(rest.substr(0, colon), static_cast<std::uint16_t>(port));
}

}  // namespace

std::string env(const char* name, std::string fallback) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::move(fallback) : value;
}

namespace {

// Editors and `echo` leave a line end.
std::string plain(const std::string& text) {
  return text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
}

stdx::Result<std::string> token_in(const std::string& file) {
  TRY_ASSIGN(const auto text, read_file(file, 4096));
  return plain(text);
}

}  // namespace

std::optional<bool> colours_of(const std::string& when) {
  if (when == "always") return true;
  if (when == "never") return false;
  if (when != "auto") return std::nullopt;
  // NO_COLOR counts where it is set and not empty (no-color.org).
  return ::isatty(STDOUT_FILENO) == 1 && env("NO_COLOR", "").empty() && env("TERM", "") != "dumb";
}

Target target_of(const std::string& config_file, const std::string& run_dir,
                 const std::string& host) {
  config::ZhostConfig config;
  config.run_dir = "run";
  const auto sources = app::sources();
  if (const auto choice = config::choose(config_file, sources)) {
    const auto loaded = config::load(choice->file, sources);
    if (!loaded) {
      std::fprintf(stderr, "zshell: %s\n", loaded.error().message.c_str());
      std::exit(zshell::wrong_use);
    }
    config = *loaded;
  }
  if (!run_dir.empty()) config.run_dir = run_dir;
  if (!host.empty()) config.bind = host;
  const auto at = [&](std::uint16_t port) {
    return stdx::format("http://{}:{}", config.bind, port);
  };
  Target target;
  target.host = config.bind;
  target.urls = {{"zmesh", env("ZSHELL_ZMESH", at(config.zmesh_port))},
                 {"zrms", env("ZSHELL_ZRMS", at(config.zrms_port))},
                 {"zrun", env("ZSHELL_ZRUN", at(config.zrun_port))},
                 {"zbase", env("ZSHELL_ZBASE", at(config.zbase_port))}};
  for (const auto& [service, url] : target.urls) {
    if (const auto good = endpoint_of(url); !good) {
      std::fprintf(stderr, "zshell: where %s is: %s\n", service.c_str(),
                   good.error().message.c_str());
      std::exit(zshell::wrong_use);
    }
  }
  target.token_path = env("ZSHELL_TOKEN_FILE", config.run_dir + "/token");
  target.token = token_in(target.token_path).value_or("");
  return target;
}

void choose_token(Target& target, const std::string& token, const std::string& token_file) {
  if (!token.empty()) {
    target.token = plain(token);
    target.token_path.clear();
  } else if (!token_file.empty()) {
    const auto read = token_in(token_file);
    if (!read) {
      std::fprintf(stderr, "zshell: --token-file: %s\n", read.error().message.c_str());
      std::exit(zshell::wrong_use);
    }
    target.token = *read;
    target.token_path = token_file;
  } else if (const auto set = env("SAMOZA_TOKEN", ""); !set.empty()) {
    target.token = plain(set);
    target.token_path.clear();
  }
}

namespace {

// Counts the answers in `asked`. A token that is refused is read again from its file, once.
auto asking(adapters::loop::Loop& loop, adapters::net::NetHttpClient& http, const Target& target,
            std::shared_ptr<std::uint64_t> asked) {
  const auto token = std::make_shared<std::string>(target.token);
  const auto once = [&loop, &http, token](const ports::Endpoint& endpoint,
                                          ports::HttpRequest request, stdx::Duration bound) {
    request.headers["Authorization"] = "Bearer " + *token;
    stdx::Result<ports::HttpResponse> got = stdx::fail(stdx::Code::failed, "no answer");
    http.request(endpoint, std::move(request), bound, [&](auto response) {
      got = std::move(response);
      loop.stop();
    });
    loop.run();
    loop.restart();
    return got;
  };
  return [once, token, target, asked = std::move(asked)](
             const std::string& service, const ports::HttpRequest& request,
             stdx::Duration bound) -> stdx::Result<ports::HttpResponse> {
    TRY_ASSIGN(const auto endpoint, endpoint_of(target.urls.at(service)));
    auto got = once(endpoint, request, bound);
    if (got && got->status == 401 && !target.token_path.empty()) {
      const auto now = token_in(target.token_path);
      if (now && *now != *token) {
        *token = *now;
        got = once(endpoint, request, bound);
      }
    }
    ++*asked;
    return got;
  };
}

}  // namespace

zshell::Outside outside_of(adapters::loop::Loop& loop, adapters::net::NetHttpClient& http,
                           const Target& target) {
  zshell::Outside outside;
  const auto asked = std::make_shared<std::uint64_t>(0);  // questions answered so far
  outside.if_slow = [&loop, asked](stdx::Duration bound, std::string text) {
    loop.after(bound, [asked, now = *asked, text = std::move(text)] {
      if (*asked != now) return;
      std::fputs(text.c_str(), stdout);
      std::fflush(stdout);
    });
  };
  outside.ask_within = asking(loop, http, target, asked);
  outside.ask = [within = outside.ask_within](const std::string& service,
                                              ports::HttpRequest request) {
    return within(service, std::move(request), std::chrono::seconds(60));
  };
  outside.read_file = [](const std::string& path) {
    return path == "-" ? adapters::posix::read_standard_input(1u << 20)
                       : read_file(path, 256u << 20);
  };
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
  outside.confirm = [](const std::string& question) -> std::optional<bool> {
    if (isatty(STDIN_FILENO) == 0) return std::nullopt;
    std::fputs(question.c_str(), stdout);
    std::fflush(stdout);
    // Ctrl-C is an answer, too. Nothing of a line is read before the whole is there.
    for (pollfd input{STDIN_FILENO, POLLIN, 0}; poll(&input, 1, 100) <= 0;)
      if (adapters::posix::Interrupt::came()) {
        std::fputs("\n", stdout);
        return false;
      }
    char line[64] = {};
    if (std::fgets(line, sizeof line, stdin) == nullptr) return false;
    const std::string said(line, std::strcspn(line, "\n"));
    return said == "yes" || said == "y";
  };
  outside.interrupted = adapters::posix::Interrupt::came;
  outside.print = [](const std::string& text) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  };
  outside.wall = [] {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  };
  outside.colours = target.colours;
  outside.host = target.host;
  return outside;
}

}  // namespace zshell_app
