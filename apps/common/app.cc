// SPDX-License-Identifier: Apache-2.0
#include "common/app.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "adapters/posix/files.h"
#include "adapters/yaml/yaml.h"
#include "stdx/text.h"

namespace app {
namespace {

std::string env(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::uint64_t env_number(const char* name, std::uint64_t fallback) {
  return stdx::parse_u64(env(name)).value_or(fallback);
}

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

std::string config_file(int argc, char** argv, const char* program) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if ((argument == "-config" || argument == "--config") && i + 1 < argc) return argv[i + 1];
    if (argument.starts_with("--config=")) return argument.substr(9);
    die(program,
        stdx::format("unknown argument '{}'\nusage: {} -config FILE.yaml",
                     stdx::printable(argument, 80), program),
        2);
  }
  const auto file = env("SAMOZA_CONFIG");
  if (file.empty()) die(program, stdx::format("usage: {} -config FILE.yaml", program), 2);
  return file;
}

config::ZhostConfig load_config(int argc, char** argv, const char* program) {
  const auto file = config_file(argc, argv, program);
  const auto text = adapters::posix::read_file(file, adapters::yaml::bytes_max);
  if (!text) die(program, text.error().message, 2);
  const auto node = adapters::yaml::parse(*text, file);
  if (!node) die(program, node.error().message, 2);
  std::map<std::string, std::string> environment;
  for (const char* name : {"ZMESH_CONTROLPLANE", "ZMESH_REGION", "ZMESH_CLUSTER", "ZMESH_ZHOST_ID"})
    environment[name] = env(name);
  auto config = config::parse_zhost_config(*node, file, environment);
  if (!config) die(program, config.error().message, 2);
  return *config;
}

App::App(const char* service, const config::ZhostConfig& config, std::string hand_data_links_to)
    : service_(service),
      config_(config),
      log_(loop_,
           {.service = service,
            .zhost = config.zhost_id,
            .file =
                config.log_dir.empty() ? "" : stdx::format("{}/{}.log", config.log_dir, service)}),
      runtime_{loop_, loop_, random_, log_, metrics_},
      transport_(loop_, {.run_dir = config.run_dir,
                         .bind_ip = config.bind,
                         .hand_data_links_to = std::move(hand_data_links_to)}),
      http_(loop_, config.bind),
      incarnation_(env_number("SAMOZA_INCARNATION", 1)),
      run_(env_number("SAMOZA_RUN", static_cast<std::uint64_t>(getpid()))) {
  // While this process lives, no next incarnation of the zhost starts (P12).
  if (std::string(service) != "startz")
    if (auto held = adapters::posix::hold_shared_lock(config.run_dir + "/children.lock"); !held)
      die(service, held.error().message);
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
  options.ip = config_.bind;
  options.port = port;
  options.token = token_of(config_);
  server_ = std::make_unique<adapters::net::HttpServer>(loop_, random_, log_, metrics_, handler,
                                                        std::move(options));
  if (auto started = server_->start(); !started) {
    log_.error("cannot_start", {{"why", started.error().message}});
    die(service_, started.error().message);
  }
}

int App::run_loop() {
  loop_.on_terminate([this] { loop_.stop(); });
  loop_.run();
  return 0;
}

}  // namespace app
