// SPDX-License-Identifier: Apache-2.0
#include "common/app.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "adapters/posix/files.h"
#include "adapters/posix/limits.h"
#include "adapters/yaml/yaml.h"
#include "stdx/near_miss.h"
#include "stdx/text.h"
#include "wire/join_token.h"
#include "wire/json.h"
#include "wire/key_ring.h"

namespace app {
namespace {

std::string env(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::uint64_t env_number(const char* name, std::uint64_t fallback) {
  return stdx::parse_u64(env(name)).value_or(fallback);
}

constexpr const char* help_text =
    "FILE.yaml describes the zhost: docs/configuration.md has every key, configs/ has examples.\n"
    "Without it: the file that SAMOZA_CONFIG names, or the first of ./zhost.yaml,\n"
    "~/.config/samoza/zhost.yaml and /etc/samoza/zhost.yaml. Other options: --help, --version.\n";

std::string token_of(const config::ZhostConfig& config) {
  auto token = adapters::posix::read_file(config.run_dir + "/token", 4096);
  if (!token)
    die("samoza", token.error().message + "; start this zhost with startz, which makes it");
  return *token;
}

}  // namespace

void die(const char* program, const std::string& why, int code) {
  std::fprintf(stderr, "%s: %s\n", program, why.c_str());
  std::fflush(stderr);
  std::_Exit(code);
}

std::vector<std::string> outside_hosts(const config::ZhostConfig& config) {
  std::vector<std::string> hosts;
  const auto add = [&](const std::string& host) {
    if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) hosts.push_back(host);
  };
  const bool here_only = config.outside_bind == std::vector<std::string>{config.bind};
  const auto& named = config.control_plane.host;
  if (here_only || (named != config.bind && named != "localhost")) add(named);
  for (const auto& ip : config.advertise) add(ip);
  return hosts;
}

std::string program_folder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
}

config::Sources sources() {
  config::Sources sources;
  for (const char* name : config::variables())
    if (const auto value = env(name); !value.empty()) sources.environment[name] = value;
  sources.exists = [](const std::string& path) {
    std::error_code error;
    return std::filesystem::exists(path, error);
  };
  sources.read = [](const std::string& path) {
    return adapters::posix::read_file(path, adapters::yaml::bytes_max);
  };
  sources.parse = adapters::yaml::parse;
  return sources;
}

config::Choice config_file(int argc, char** argv, const char* program) {
  std::string given;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool names_file = argument == "-config" || argument == "--config";
    if (names_file && i + 1 < argc) {
      given = argv[++i];
    } else if (argument.starts_with("--config=") && argument.size() > 9) {
      given = argument.substr(9);
    } else if (argument == "-h" || argument == "--help") {
      std::printf("usage: %s [-config FILE.yaml]\n\n%s", program, help_text);
      std::exit(0);
    } else if (argument == "--version") {
      std::printf("%s %s\n", program, version);
      std::exit(0);
    } else if (names_file) {
      die(program,
          stdx::format("{} needs a file\nusage: {} [-config FILE.yaml]", argument, program), 2);
    } else {
      die(program,
          stdx::format("unknown argument '{}'{}\nusage: {} [-config FILE.yaml]",
                       stdx::printable(argument, 80),
                       stdx::did_you_mean(
                           argument, std::vector<std::string>{"--config", "--help", "--version"}),
                       program),
          2);
    }
  }
  auto choice = config::choose(given, sources());
  if (!choice)
    die(program,
        stdx::format(
            "{}; give one with -config FILE.yaml (configs/ and share/samoza/configs have examples)",
            choice.error().message),
        2);
  return *choice;
}

config::ZhostConfig load_config(int argc, char** argv, const char* program) {
  const auto file = config_file(argc, argv, program).file;
  auto config = config::load(file, sources());
  if (!config) die(program, config.error().message, 2);
  if (config->join_token_file.empty())
    die(program,
        file +
            ": cluster.join_token_file is missing; without $HOME there is no default place for "
            "the join token of the cluster",
        2);
  return *config;
}

stdx::Result<std::string> read_join_token(const config::ZhostConfig& config) {
  const auto& path = config.join_token_file;
  // On the loop: a small local file.
  auto token = adapters::posix::read_secret_file(path, 4096);
  if (!token && token.error().code == stdx::Code::not_found)
    return stdx::fail(stdx::Code::unavailable,
                      stdx::format("waiting for the join token of cluster '{}': {}; the control "
                                   "plane makes it when it starts, or copy it from there",
                                   config.cluster_id, token.error().message));
  if (!token) return token;
  while (!token->empty() && (token->back() == '\n' || token->back() == '\r')) token->pop_back();
  if (const auto parsed = wire::parse_join_token(*token); !parsed)
    return stdx::fail(stdx::Code::invalid, path + ": " + parsed.error().message);
  return token;
}

std::string keys_file(const config::ZhostConfig& config) {
  return config.state_dir + "/keys.json";
}

stdx::Result<samoza::v1::KeyRing> read_keys(const config::ZhostConfig& config) {
  // On the loop: a small local file.
  constexpr std::size_t bytes_max = 32u << 10;
  const auto text = adapters::posix::read_secret_file(keys_file(config), bytes_max);
  if (!text && text.error().code == stdx::Code::not_found)
    return stdx::fail(stdx::Code::unavailable,
                      "this zhost has no keys of the cluster yet; the control plane gives them "
                      "with its certificates");
  if (!text) return std::unexpected(text.error());
  samoza::v1::KeyRing ring;
  TRY(wire::from_json(*text, ring));
  TRY(wire::check_ring(ring));
  return ring;
}

std::string revoked_file(const config::ZhostConfig& config) {
  return config.state_dir + "/revoked-tokens";
}

wire::RevokedTokens read_revoked(const config::ZhostConfig& config, stdx::WallTime now) {
  wire::RevokedTokens revoked;
  constexpr std::size_t bytes_max =
      wire::RevokedTokens::tokens_max * wire::RevokedTokens::line_bytes_max;
  if (const auto text = adapters::posix::read_file(revoked_file(config), bytes_max))
    revoked.add_text(*text, now);
  return revoked;
}

App::App(const char* service, const config::ZhostConfig& config, std::string hand_data_links_to)
    : service_(service),
      config_(config),
      log_(
          loop_,
          {.service = service,
           .zhost = config.zhost_id,
           .file = config.log_dir.empty() ? "" : stdx::format("{}/{}.log", config.log_dir, service),
           .dropped = &metrics_.counter("samoza_log_lines_dropped_total",
                                        "Log lines that could not be written")}),
      runtime_{loop_, loop_, random_, log_, metrics_},
      identity_([this] { return loop_.wall(); }),
      asking_([this] { return loop_.wall(); }),
      transport_(loop_, {.run_dir = config.run_dir,
                         .bind_ip = config.bind,
                         .hand_data_links_to = std::move(hand_data_links_to),
                         .identity = &identity_,
                         .on_refused = [this](const auto& peer,
                                              const auto& why) { complain(peer, why); }}),
      http_(loop_, config.bind, &identity_),
      asking_http_(loop_, config.bind, &asking_),
      cluster_key_(loop_, [this] { return read_keys(config_); }),
      revoked_(read_revoked(config_, loop_.wall())),
      incarnation_(env_number("SAMOZA_INCARNATION", 1)),
      run_(env_number("SAMOZA_RUN", static_cast<std::uint64_t>(getpid()))) {
  // A reader of stderr or of a socket that goes away is an error of that write, not the end.
  std::signal(SIGPIPE, SIG_IGN);
  loop_.measure(log_, metrics_);
  metrics_
      .gauge("samoza_build_info", "1: which version of the service this is", {{"version", version}})
      .set(1);
  // While this process lives, no next incarnation of the zhost starts (P12).
  if (std::string(service) != "startz")
    if (auto held = adapters::posix::hold_shared_lock(config.run_dir + "/children.lock"); !held)
      die(service, held.error().message);
  if (auto limit = adapters::posix::raise_descriptor_limit(); limit)
    descriptor_limit_ = *limit;
  else
    die(service, limit.error().message);
  // The end of a terminal ends no zhost: it is stopped by SIGTERM, SIGINT or startz.
  std::signal(SIGHUP, SIG_IGN);
}

void App::complain(const std::string& peer, const stdx::Error& why) {
  tls_refused_.add();
  if (const auto held_back = tls_complaints_.pass(loop_.now()))
    log_.warn("tls_refused", {{"peer", peer}, {"why", why.message}, {"not_logged", *held_back}});
}

std::uint64_t App::pid() const {
  return static_cast<std::uint64_t>(getpid());
}

ports::Counter* App::refused_by(const char* worker) {
  return &metrics_.counter("samoza_worker_jobs_refused_total",
                           "Jobs refused because as many waited as may", {{"worker", worker}});
}

void App::serve(ports::HttpHandler& handler, std::uint16_t port,
                adapters::net::HttpServer::Options options) {
  options.port = port;
  options.token = token_of(config_);
  options.service = service_;
  options.zhost = config_.zhost_id;
  options.key = &cluster_key_;
  options.revoked = &revoked_;
  if (!audit_)
    audit_ = std::make_unique<adapters::log::JsonLog>(
        loop_, adapters::log::JsonLog::Options{
                   .service = service_,
                   .zhost = config_.zhost_id,
                   .file = stdx::format(
                       "{}/audit-{}.log",
                       config_.log_dir.empty() ? config_.state_dir : config_.log_dir, service_),
                   .dropped = &metrics_.counter("samoza_audit_lines_dropped_total",
                                                "Lines of the audit log that were not written")});
  options.audit = audit_.get();
  // An address that stands for all of them has the loopback one.
  std::vector<std::string> ips{config_.bind};
  if (options.identity != nullptr) {
    options.more_hosts = outside_hosts(config_);
    const auto& outside = config_.outside_bind;
    if (std::find(outside.begin(), outside.end(), "0.0.0.0") != outside.end()) ips.clear();
    for (const auto& ip : outside)
      if (ip != config_.bind) ips.push_back(ip);
  }
  for (const auto& ip : ips) {
    options.ip = ip;
    auto server =
        std::make_unique<adapters::net::HttpServer>(loop_, log_, metrics_, handler, options);
    if (auto started = server->start(); !started) {
      log_.error("cannot_start", {{"why", started.error().message}});
      log_.flush();
      die(service_, started.error().message);
    }
    servers_.push_back(std::move(server));
  }
}

int App::run_loop(std::function<void()> on_terminate) {
  if (!on_terminate) on_terminate = [this] { loop_.stop(); };
  loop_.on_terminate(std::move(on_terminate));
  loop_.run();
  return 0;
}

}  // namespace app
