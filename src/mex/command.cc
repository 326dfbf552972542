// SPDX-License-Identifier: Apache-2.0
#include "mex/command.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "stdx/text.h"

namespace mex {
namespace {

using stdx::Code;
using stdx::format;

std::vector<std::string> environment_with(
    const std::vector<std::pair<std::string, std::string>>& more) {
  std::vector<std::string> list;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view entry(*at);
    bool replaced = false;
    for (const auto& [name, value] : more) replaced |= entry.starts_with(name + "=");
    if (!replaced) list.emplace_back(entry);
  }
  for (const auto& [name, value] : more) list.push_back(name + "=" + value);
  return list;
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (const auto& text : texts) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

stdx::Result<pid_t> spawn(const Command& command, const posix_spawn_file_actions_t& files) {
  const auto environment = environment_with(command.environment);
  const auto argv = pointers_to(command.arguments), envp = pointers_to(environment);
  pid_t pid = 0;
  const int failed = posix_spawnp(&pid, argv[0], &files, nullptr, argv.data(), envp.data());
  if (failed == ENOENT)
    return stdx::fail(Code::not_found, format("{} is not installed", command.arguments[0]));
  if (failed != 0)
    return stdx::fail(Code::failed,
                      format("{} cannot be run: error {}", command.arguments[0], failed));
  return pid;
}

stdx::Status exit_of(pid_t pid, const std::string& program) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) return stdx::fail(Code::failed, format("{} failed", program));
  return {};
}

}  // namespace

stdx::Status run(const Command& command) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
  const auto pid = spawn(command, files);
  posix_spawn_file_actions_destroy(&files);
  if (!pid) return std::unexpected(pid.error());
  return exit_of(*pid, command.arguments[0]);
}

stdx::Result<std::string> output_of(const Command& command) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return stdx::fail(Code::failed, "no pipe can be made");
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  const auto pid = spawn(command, files);
  posix_spawn_file_actions_destroy(&files);
  close(ends[1]);
  std::string text;
  char part[4096];
  for (ssize_t n = 0; pid && (n = read(ends[0], part, sizeof part)) > 0;)
    text.append(part, static_cast<std::size_t>(n));
  close(ends[0]);
  if (!pid) return std::unexpected(pid.error());
  TRY(exit_of(*pid, command.arguments[0]));
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

stdx::Result<TemporaryFolder> TemporaryFolder::make_in(const std::string& parent) {
  std::string path = parent + "/mex-XXXXXX";
  if (mkdtemp(path.data()) == nullptr)
    return stdx::fail(
        Code::failed,
        format("no folder for the build can be made in {}; TMPDIR names another", parent));
  return TemporaryFolder(path);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace mex
