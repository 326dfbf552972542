// SPDX-License-Identifier: Apache-2.0
// samoza init | samoza join TOKEN: makes this machine a zhost of a cluster. Writes its
// configuration (config/setup.h) and starts the service where systemd runs.
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <iterator>

#include "adapters/posix/addresses.h"
#include "adapters/posix/files.h"
#include "common/app.h"
#include "config/setup.h"
#include "stdx/text.h"
#include "wire/join_token.h"

namespace {

namespace fs = std::filesystem;
constexpr const char* program = "samoza";
constexpr const char* unit = "samoza-zhost.service";
constexpr std::size_t token_bytes_max = 4096;

std::string env(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The user that the package made; null without the package.
const passwd* service_user() {
  return geteuid() == 0 ? getpwnam("samoza") : nullptr;
}

void give_to(const passwd* user, const std::string& path) {
  if (user != nullptr && chown(path.c_str(), user->pw_uid, user->pw_gid) != 0)
    app::die(program, stdx::format("{}: {}", path, std::strerror(errno)));
}

std::string token_text(const std::string& source) {
  if (source == "-") {
    std::string line;
    std::getline(std::cin, line);
    return line;
  }
  if (source.starts_with(wire::join_token_prefix)) return source;
  auto text = adapters::posix::read_file(source, token_bytes_max);
  if (!text) app::die(program, text.error().message, 2);
  return *text;
}

// Other users read the words of a process in its list; a token is no longer there after this.
void hide(int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    if (std::string_view(argv[i]).starts_with(wire::join_token_prefix))
      std::memset(argv[i], 'x', std::strlen(argv[i]));
}

config::Machine this_machine(const passwd* user) {
  config::Machine machine;
  char name[256] = {};
  gethostname(name, sizeof name - 1);
  machine.host_name = name;
  machine.addresses = adapters::posix::outside_addresses();
  machine.system = user != nullptr;
  return machine;
}

void write_files(const config::Setup& setup, const std::string& token, const passwd* user) {
  const auto there = adapters::posix::read_file(setup.file, 64u << 10);
  if (there && !config::is_unset(*there))
    app::die(program,
             stdx::format("{} is there: this machine is a zhost already. Change that file, "
                          "or remove it first to begin anew",
                          setup.file));
  std::error_code error;
  fs::create_directories(fs::path(setup.file).parent_path(), error);
  const auto folder = fs::path(setup.token_file).parent_path().string();
  if (auto made = adapters::posix::make_private_folder(folder); !made)
    app::die(program, made.error().message);
  give_to(user, folder);
  if (!token.empty()) {
    if (auto kept = adapters::posix::replace_file(setup.token_file, token + "\n"); !kept)
      app::die(program, kept.error().message);
    give_to(user, setup.token_file);
  }
  // Last: with it the machine is a zhost. Nothing in it is secret.
  if (auto written = adapters::posix::replace_file(setup.file, setup.yaml, 0644); !written)
    app::die(program, written.error().message);
}

int start(const config::SetupWords& words, const config::Setup& setup, const passwd* user) {
  const auto by_hand =
      user != nullptr ? std::string("runuser -u samoza -- startz")
                      : stdx::format("{}/startz -config {}", app::program_folder(), setup.file);
  const bool systemd = user != nullptr && words.file.empty() && fs::exists("/run/systemd/system");
  if (!words.start || !systemd) {
    fmt::print("Start it with\n    {}\n",
               systemd ? "systemctl enable --now samoza-zhost" : by_hand);
    return 0;
  }
  fmt::print("Starting {}…\n", unit);
  std::fflush(stdout);
  // It says that it is ready when it is a member of its cluster.
  if (std::system("systemctl enable --now samoza-zhost.service") != 0) {
    std::fprintf(stderr, "%s: the service did not start; `journalctl -u %s` says why\n", program,
                 unit);
    return 1;
  }
  fmt::print("Zhost {} is a member of cluster {}.\n", setup.zhost, words.cluster);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> given(argv + 1, argv + argc);
  hide(argc, argv);
  if (given.size() == 1 && (given[0] == "-h" || given[0] == "--help" || given[0] == "help")) {
    fmt::print("{}", config::setup_usage);
    return 0;
  }
  if (given.size() == 1 && given[0] == "--version") {
    fmt::print("{} {}\n", program, app::version);
    return 0;
  }
  const auto words = config::parse_setup(given);
  if (!words) app::die(program, words.error().message + "\n" + config::setup_usage, 2);
  std::string token, control_plane;
  if (words->join) {
    token = token_text(words->token);
    const auto parsed = wire::parse_join_token(token);
    if (!parsed) app::die(program, parsed.error().message, 2);
    if (parsed->addresses.empty())
      app::die(program, "this join token names no address of a control plane; make another one", 2);
    token = to_text(*parsed);
    control_plane = parsed->addresses.front();
  }
  const auto* user = service_user();
  auto config_home = env("XDG_CONFIG_HOME");
  if (config_home.empty()) config_home = env("HOME") + "/.config";
  const auto setup = config::plan_setup(
      *words, this_machine(user), control_plane, config_home,
      config::state_home({{"HOME", env("HOME")}, {"XDG_STATE_HOME", env("XDG_STATE_HOME")}}));
  if (!setup) app::die(program, setup.error().message, 2);
  write_files(*setup, token, user);
  std::string at;
  for (const auto& ip : setup->bind) at += (at.empty() ? "" : ", ") + ip;
  fmt::print("{}: zhost {} of cluster {}, for other machines at {} (ports 9201/tcp, 9201/udp{})\n",
             setup->file, setup->zhost, words->cluster, at, words->join ? "" : ", 9000/tcp");
  return start(*words, *setup, user);
}
