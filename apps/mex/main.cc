// SPDX-License-Identifier: Apache-2.0
// mex: packaging. Exit codes: 0 done, 1 failed, 2 wrong use.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "commands.h"
#include "common/app.h"
#include "stdx/near_miss.h"
#include "stdx/text.h"

int main(int argc, char** argv) {
  CLI::App cli("mex: builds, signs and checks MEX archives");
  cli.require_subcommand(1);
  cli.set_version_flag("--version", std::string("mex ") + app::version);
  std::string folder = ".", output, key, file, name, language = "c";
  std::vector<std::string> keys;
  auto* init_command = cli.add_subcommand("init", "lays out a new project");
  init_command->add_option("dir", folder, "folder to make")->required();
  init_command->add_option("--name", name, "its name (default: the folder's)");
  init_command->add_option("--lang", language, "c, rust, go, zig or assemblyscript (default: c)");
  auto* validate_command = cli.add_subcommand("validate", "checks a project");
  validate_command->add_option("dir", folder, "project folder");
  auto* build_command = cli.add_subcommand("build", "compiles and packs a project");
  build_command->add_option("dir", folder, "project folder");
  build_command->add_option("-o,--output", output, "archive to write (default: NAME.mex)");
  auto* build_key =
      build_command->add_option("--key", key, "private key to sign with (mex keygen)");
  auto* sign_command = cli.add_subcommand("sign", "signs an archive");
  sign_command->add_option("file", file, "archive")->required();
  sign_command->add_option("--key", key, "private key to sign with (mex keygen)")->required();
  auto* verify_command = cli.add_subcommand("verify", "checks an archive as submit does");
  verify_command->add_option("file", file, "archive")->required();
  verify_command->add_option("--trust", keys, "public keys to accept, and no others");
  auto* inspect_command = cli.add_subcommand("inspect", "shows what is in an archive");
  inspect_command->add_option("file", file, "archive")->required();
  auto* keygen_command = cli.add_subcommand("keygen", "makes an Ed25519 key");
  keygen_command->add_option("file", file, "private key to write; the public key is printed")
      ->required();
  cli.footer(
      "A project from nothing to a running topology:\n"
      "  mex init hello                 # folder `hello` with one space in C\n"
      "  mex build hello                # hello.mex\n"
      "  zshell topo submit hello.mex\n"
      "`mex COMMAND --help` has the options of a command; docs/mex.md has the files of a project.");
  try {
    cli.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return cli.exit(help);
  } catch (const CLI::ParseError& error) {
    const std::string first = argc > 1 ? argv[1] : "";
    if (!first.empty() && first[0] != '-' && cli.get_subcommands().empty())
      std::fprintf(
          stderr, "mex: no command '%s'; `mex --help` lists them%s\n",
          stdx::printable(first, 60).c_str(),
          stdx::did_you_mean(first, std::vector<std::string>{"init", "validate", "build", "sign",
                                                             "verify", "inspect", "keygen"})
              .c_str());
    else
      cli.exit(error);
    return 2;
  }
  if (init_command->parsed()) return mex_app::init(folder, name, language);
  if (validate_command->parsed()) return mex_app::validate(folder);
  if (build_command->parsed())
    return mex_app::build(folder, output,
                          build_key->count() > 0 ? std::optional(key) : std::nullopt);
  if (sign_command->parsed()) return mex_app::sign(file, key);
  if (verify_command->parsed()) return mex_app::verify(file, keys);
  if (inspect_command->parsed()) return mex_app::inspect(file);
  return mex_app::keygen(file);
}
