// SPDX-License-Identifier: Apache-2.0
// startz -config FILE.yaml: starts one zhost and watches it.
#include <unistd.h>

#include <filesystem>

#include "adapters/posix/files.h"
#include "adapters/posix/notify.h"
#include "adapters/posix/processes.h"
#include "adapters/posix/worker.h"
#include "adapters/prometheus/text.h"
#include "common/app.h"
#include "revoked_keeper.h"
#include "startz/records_seen.h"
#include "startz/service.h"
#include "state_folder.h"
#include "stdx/text.h"

namespace {

using adapters::posix::FileLock;

// A start needs no room on a disk that is full: what was there before is overwritten.
void keep(const std::string& path, const std::string& content) {
  auto kept = adapters::posix::replace_file(path, content);
  if (!kept && kept.error().code == stdx::Code::full) {
    if (auto again = adapters::posix::overwrite_file(path, content); again) return;
  }
  if (!kept) app::die("startz", kept.error().message);
}

void make_folder(const char* key, const std::string& path) {
  if (auto made = adapters::posix::make_private_folder(path); !made)
    app::die("startz", stdx::format("{}: {}", key, made.error().message));
}

// A number that grows with each start of this zhost: the one on disk plus one.
std::uint64_t next_incarnation(const config::ZhostConfig& config) {
  const auto path = config.state_dir + "/incarnation";
  std::uint64_t last = 0;
  if (auto text = adapters::posix::read_file(path, 100)) {
    // An operator may have written it (docs/operations.md), with the end of a line. What cannot be
    // read must not count as the first life: the cluster would refuse it, and nobody would see why.
    while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
    const auto number = stdx::parse_u64(*text);
    if (!number)
      app::die("startz", path + " holds no number; it is that of the zhost's last start");
    last = *number;
  }
  auto text = std::to_string(last + 1);
  text.resize(21, '\n');  // always as long, so that it can be overwritten in place
  keep(path, text);
  return last + 1;
}

// What this zhost knows of the records (docs/protocol.md, P15). Where the file cannot be read the
// zhost knows nothing, which must not pass for a new one's knowing nothing.
samoza::v1::RecordsKnown records_known(const std::string& path) {
  const auto text = adapters::posix::read_file(path, 200);
  if (!text) {
    if (!std::filesystem::exists(path)) return {};
    app::die("startz", text.error().message);
  }
  auto known = startz::records_from_line(*text);
  if (!known)
    app::die("startz", path + ": " + known.error().message +
                           "; if it was damaged remove it: then this zhost no longer tells a "
                           "control plane that its records are old");
  return *known;
}

void make_token(const std::string& path) {
  adapters::posix::KernelRandom random;
  std::string token;
  for (int i = 0; i < 4; ++i) token += stdx::format("{:016x}", random.next());
  keep(path, token);
}

std::vector<ports::ProcessSpec> children_of(const config::ZhostConfig& config,
                                            const std::string& file, std::uint64_t incarnation) {
  const auto folder = app::program_folder();
  std::vector<std::string> names = {"zbase", "zmesh", "zrms", "zrun"};
  if (config.control_plane_service.enabled) names.insert(names.begin(), "zmesh-controlplane");
  std::vector<ports::ProcessSpec> specs;
  for (const auto& name : names)
    specs.push_back({name,
                     {folder + "/" + name, "-config", file},
                     {{"SAMOZA_INCARNATION", std::to_string(incarnation)}}});
  return specs;
}

// For a person at a terminal; the log has it as an event.
void say_ready(const config::ZhostConfig& config, const std::string& file) {
  if (isatty(STDOUT_FILENO) == 0) return;
  const auto at = [&](std::uint16_t port) {
    return stdx::format("http://{}:{}", config.bind, port);
  };
  fmt::print(
      "zhost {} is ready: zmesh {}, zrms {}, zrun {}, zbase {}; `zshell --config {} status` asks "
      "it\n",
      config.zhost_id, at(config.zmesh_port), at(config.zrms_port), at(config.zrun_port),
      at(config.zbase_port), file);
  std::fflush(stdout);
}

// Those of a former startz were killed with it and are on their way out: they get 5 s.
void wait_for_children(const std::string& lock) {
  for (int i = 0; i < 100; ++i) {
    if (i > 0) usleep(50'000);
    if (FileLock::take(lock)) return;
  }
  app::die("startz", "processes of the former startz still live; they hold " + lock);
}

}  // namespace

int main(int argc, char** argv) {
  const auto choice = app::config_file(argc, argv, "startz");
  const auto file = std::filesystem::absolute(choice.file).string();
  const auto config = app::load_config(argc, argv, "startz");
  make_folder("run_dir", config.run_dir);
  for (const char* part : {"", "/blobs", "/data"})
    make_folder("state_dir", config.state_dir + part);
  if (!config.log_dir.empty()) make_folder("log_dir", config.log_dir);
  if (isatty(STDERR_FILENO) != 0)
    std::fprintf(stderr, "startz: configuration %s (%s)\n", file.c_str(), choice.why.c_str());
  // One startz at a time, and none while children of a former one live (P12).
  auto lock = FileLock::take(config.run_dir + "/startz.lock");
  if (!lock) app::die("startz", lock.error().message);
  wait_for_children(config.run_dir + "/children.lock");
  const auto incarnation = next_incarnation(config);
  make_token(config.run_dir + "/token");

  app::App app("startz", config);
  adapters::posix::PosixProcesses processes(app.loop());
  startz::Options options;
  options.cluster_id = config.cluster_id;
  options.zhost = config.zhost_id;
  options.version = app::version;
  options.incarnation = incarnation;
  for (const auto& ip : config.outside_bind)
    options.beats.push_back(ports::Endpoint::tcp(ip, config.peer_port));
  options.beat_interval = config.beat_interval;
  options.restart_grace = config.restart_grace;
  options.spaces_max = config.spaces_max;
  options.children.specs = children_of(config, file, incarnation);
  options.metrics_text = [&app] { return adapters::prometheus::to_text(app.runtime().metrics); };
  const auto records_file = config.state_dir + "/records";
  options.records = records_known(records_file);
  adapters::posix::Worker disk(16, app.refused_by("records"));
  options.keep_records = [&](const samoza::v1::RecordsKnown& known) {
    // A write that is refused or fails is repeated with the next change; it is never far away.
    (void)disk.post([&app, records_file, line = startz::to_line(known)] {
      if (auto kept = adapters::posix::replace_file(records_file, line); !kept)
        app.loop().post([&app, why = kept.error().message] {
          app.runtime().log.warn("records_not_kept", {{"why", why}});
        });
    });
  };
  options.revoked = app::read_revoked(config, app.loop().wall());
  startz_app::RevokedKeeper revoked(app, disk);
  options.keep_revoked = [&](const wire::RevokedTokens& tokens) { revoked.keep(tokens.to_text()); };
  options.on_ready = [&] {
    say_ready(config, file);
    if (auto told = adapters::posix::notify_service_manager("READY=1"); !told)
      app.runtime().log.warn("service_manager_not_told", {{"why", told.error().message}});
  };
  startz::Service service(app.runtime(), app.transport(), processes, app.cluster_key(), options);
  if (auto started = service.start(); !started) app::die("startz", started.error().message);
  app.runtime().log.info("zhost_started", {{"incarnation", incarnation},
                                           {"bind", config.bind},
                                           {"config", file},
                                           {"chosen", choice.why}});
  startz_app::note_state_folder(app.runtime().log, config);
  app.loop().on_terminate([&] {
    (void)adapters::posix::notify_service_manager("STOPPING=1");
    service.stop([&] { app.stop(); });
  });
  app.loop().run();
  return 0;
}
