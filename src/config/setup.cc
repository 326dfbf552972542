// SPDX-License-Identifier: Apache-2.0
#include "config/setup.h"

#include <algorithm>

#include "config/zhost_config.h"
#include "stdx/near_miss.h"
#include "stdx/text.h"

namespace config {

using stdx::Code;

const char* const setup_usage =
    "usage: samoza init [OPTIONS]            makes a cluster: its control plane and first zhost\n"
    "       samoza join TOKEN|FILE|- [OPTIONS]   joins one; the token is printed by `zshell "
    "cluster\n"
    "                                         token create` there; - reads it from standard input\n"
    "options:\n"
    "  --zhost NAME       name of this zhost (default: the machine's)\n"
    "  --cluster NAME     name of the cluster (default: samoza)\n"
    "  --bind IP          address for other machines; may be given several times\n"
    "                     (default: those of this machine)\n"
    "  --advertise IP     address that others dial, where it is another one\n"
    "  --region NAME      for placement\n"
    "  --config FILE      where the configuration is written\n"
    "  --no-start         writes the configuration and starts nothing\n";

namespace {

constexpr std::size_t addresses_max = 8;

bool is_name(const std::string& text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !text.empty() && text.size() <= 63 && plain(text[0]) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return plain(c) || c == '_' || c == '.' || c == '-'; });
}

// As YAML in double quotes, whatever is in it.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += stdx::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  return out + "\"";
}

// Nothing in it means anything to YAML or a URL.
bool is_host_and_port(const std::string& text) {
  const auto parsed = parse_control_plane("wss://" + text + "/ws");
  return parsed && !parsed->host.empty() && text.find(':') != std::string::npos &&
         text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]") ==
             std::string::npos;
}

std::string list_of(const std::vector<std::string>& ips) {
  std::string list;
  for (const auto& ip : ips) list += (list.empty() ? "" : ", ") + quoted(ip);
  return "[" + list + "]";
}

// `machine.example.org` is known as `machine`.
std::string short_name(const std::string& host) {
  return host.substr(0, host.find('.'));
}

}  // namespace

stdx::Result<SetupWords> parse_setup(const std::vector<std::string>& words) {
  SetupWords setup;
  if (words.empty() || (words[0] != "init" && words[0] != "join"))
    return stdx::fail(Code::invalid, words.empty()
                                         ? "samoza needs a command: init or join"
                                         : stdx::format("no command '{}'; they are init and join",
                                                        stdx::printable(words[0], 40)));
  setup.join = words[0] == "join";
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto& word = words[i];
    if (word == "--no-start") {
      setup.start = false;
    } else if (word.starts_with("--")) {
      if (i + 1 == words.size())
        return stdx::fail(Code::invalid,
                          stdx::format("{} needs a value", stdx::printable(word, 40)));
      const auto& value = words[++i];
      if (word == "--zhost") {
        setup.zhost = value;
      } else if (word == "--cluster") {
        setup.cluster = value;
      } else if (word == "--region") {
        setup.region = value;
      } else if (word == "--config") {
        setup.file = value;
      } else if (word == "--bind") {
        setup.bind.push_back(value);
      } else if (word == "--advertise") {
        setup.advertise.push_back(value);
      } else {
        return stdx::fail(Code::invalid,
                          stdx::format("no option '{}'{}", stdx::printable(word, 40),
                                       stdx::did_you_mean(
                                           word, std::vector<std::string>{
                                                     "--zhost", "--cluster", "--region", "--config",
                                                     "--bind", "--advertise", "--no-start"})));
      }
    } else if (setup.join && setup.token.empty()) {
      setup.token = word;
    } else {
      // Never repeated: it may be a token.
      return stdx::fail(Code::invalid,
                        setup.join ? "one join token is enough" : "init takes options only");
    }
  }
  if (setup.join && setup.token.empty())
    return stdx::fail(
        Code::invalid,
        "join needs the token that `zshell cluster token create` printed, a file that "
        "has it, or - for standard input");
  return setup;
}

stdx::Result<Setup> plan_setup(const SetupWords& words, const Machine& machine,
                               const std::string& control_plane, const std::string& config_home,
                               const std::string& state_home) {
  Setup setup;
  setup.zhost = words.zhost.empty() ? short_name(machine.host_name) : words.zhost;
  for (const auto& [what, name] : {std::pair("--zhost", setup.zhost), {"--cluster", words.cluster}})
    if (!is_name(name))
      return stdx::fail(Code::invalid,
                        stdx::format("'{}' is no name ({}): 1 to 63 letters, digits, '_', '.' or "
                                     "'-', the first a letter or digit",
                                     stdx::printable(name, 80), what));
  setup.bind = words.bind.empty() ? machine.addresses : words.bind;
  if (setup.bind.empty())
    return stdx::fail(Code::not_found,
                      "this machine has no address that others could reach; name one with --bind, "
                      "or --bind 127.0.0.1 for a cluster on this machine alone");
  if (setup.bind.size() > addresses_max) setup.bind.resize(addresses_max);
  const auto folder = machine.system ? "/var/lib/samoza" : state_home;
  setup.file = !words.file.empty() ? words.file
               : machine.system    ? "/etc/samoza/zhost.yaml"
                                   : config_home + "/samoza/zhost.yaml";
  setup.token_file = stdx::format("{}/{}.join", folder, words.cluster);
  auto zhost = stdx::format("zhost: {{id: {}, bind: {}", setup.zhost, list_of(setup.bind));
  if (!words.advertise.empty()) zhost += ", advertise: " + list_of(words.advertise);
  if (!words.region.empty()) zhost += ", region: " + quoted(words.region);
  if (words.join && !is_host_and_port(control_plane))
    return stdx::fail(Code::invalid, stdx::format("'{}' is no HOST:PORT of a control plane",
                                                  stdx::printable(control_plane, 80)));
  // The control plane is on this machine, or where the token says.
  const auto where = words.join ? control_plane : std::string("127.0.0.1:9000");
  setup.yaml = stdx::format(
      "# Written by `samoza {}`; every key is in docs/configuration.md.\n{}}}\ncluster: {{id: {}, "
      "control_plane: \"wss://{}/ws\", join_token_file: {}}}\n",
      words.join ? "join" : "init", zhost, words.cluster, where, quoted(setup.token_file));
  if (machine.system) setup.yaml += "run_dir: /run/samoza\nstate_dir: /var/lib/samoza/state\n";
  if (!words.join) setup.yaml += "control_plane: {enabled: true}\n";
  return setup;
}

bool is_unset(const std::string& yaml) {
  for (const auto line : stdx::split(yaml, '\n')) {
    const auto at = line.find_first_not_of(" \t\r");
    if (at != std::string_view::npos && line[at] != '#') return false;
  }
  return true;
}

}  // namespace config
