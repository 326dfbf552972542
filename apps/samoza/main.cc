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
#include "adapters/posix/safe_files.h"
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

// Of what the user of the package gets; nothing for one's own.
std::optional<adapters::posix::Owner> owner_of(const passwd* user) {
  if (user == nullptr) return std::nullopt;
  return adapters::posix::Owner{user->pw_uid, user->pw_gid};
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
  const auto must = [](const stdx::Status& done) {
    if (!done) app::die(program, done.error().message);
  };
  using adapters::posix::make_folder_safely, adapters::posix::write_file_safely;
  const auto config_folder = fs::path(setup.file).parent_path().string();
  if (!fs::exists(config_folder)) must(make_folder_safely(config_folder, 0755, {}));
  const auto state_folder = fs::path(setup.token_file).parent_path().string();
  must(user == nullptr ? adapters::posix::make_private_folder(state_folder)
                       : make_folder_safely(state_folder, 0700, owner_of(user)));
  if (!token.empty()) must(write_file_safely(setup.token_file, token + "\n", 0600, owner_of(user)));
  // Last: with it the machine is a zhost. Nothing in it is secret.
  must(write_file_safely(setup.file, setup.yaml, 0644, {}));
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
