// SPDX-License-Identifier: Apache-2.0
#include "adapters/posix/processes.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "stdx/text.h"

namespace adapters::posix {

using ports::ProcessExit;
using ports::ProcessId;
using stdx::Code;

struct PosixProcesses::Child {
  pid_t pid;
  int pidfd;  // kept open by `exited`
  std::unique_ptr<loop::Loop::Watch> exited;
  std::function<void(ProcessExit)> on_exit;
};

namespace {

// Between fork and exec only async-signal-safe calls are allowed, so everything is laid out before.
[[noreturn]] void become(const std::vector<char*>& argv, const std::vector<char*>& env,
                         pid_t parent, int report) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent may have died before the line above took effect.
  if (getppid() != parent) _exit(127);
  // A group of its own: Ctrl-C at a terminal, and a signal to the parent's group, reach the parent
  // alone, which stops its children in order.
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execvpe(argv[0], argv.data(), env.data());
  const int error = errno;
  (void)!write(report, &error, sizeof error);
  _exit(127);
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (auto& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

std::vector<std::string> environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> list;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!added.contains(text.substr(0, text.find('=')))) list.push_back(text);
  }
  for (const auto& [name, value] : added) list.push_back(name + "=" + value);
  return list;
}

}  // namespace

PosixProcesses::PosixProcesses(loop::Loop& loop) : loop_(loop) {}

PosixProcesses::~PosixProcesses() {
  for (auto& [id, child] : children_) {
    ::kill(child->pid, SIGKILL);
    waitpid(child->pid, nullptr, 0);
  }
}

stdx::Result<ProcessId> PosixProcesses::spawn(const ports::ProcessSpec& spec,
                                              std::function<void(ProcessExit)> on_exit) {
  auto argv_texts = spec.argv;
  auto env_texts = environment(spec.env);
  const auto argv = pointers(argv_texts), env = pointers(env_texts);
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0)
    return stdx::fail(Code::failed, spec.name + ": " + std::strerror(errno));
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) become(argv, env, parent, report[1]);
  close(report[1]);
  if (pid < 0) {
    close(report[0]);
    return stdx::fail(Code::failed, spec.name + ": " + std::strerror(errno));
  }
  int exec_error = 0;
  const bool failed = read(report[0], &exec_error, sizeof exec_error) == sizeof exec_error;
  close(report[0]);
  if (failed) {
    waitpid(pid, nullptr, 0);
    return stdx::fail(Code::failed, stdx::format("{}: cannot run {}: {}", spec.name, spec.argv[0],
                                                 std::strerror(exec_error)));
  }
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) {
    ::kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return stdx::fail(Code::failed, spec.name + ": no pidfd: " + std::strerror(errno));
  }
  const auto id = static_cast<ProcessId>(pid);
  auto child = std::make_shared<Child>(pid, pidfd, nullptr, std::move(on_exit));
  children_[id] = child;
  child->exited = loop_.watch(pidfd, [this, id] {
    const auto ended = children_.extract(id).mapped();
    int status = 0;
    waitpid(ended->pid, &status, 0);
    ProcessExit exit;
    if (WIFEXITED(status)) exit.code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) exit.signal = WTERMSIG(status);
    if (exit.signal == SIGKILL) exit.cause = oom_.look().value_or("");
    ended->on_exit(exit);
  });
  return id;
}

void PosixProcesses::signal(ProcessId id, int number) {
  const auto at = children_.find(id);
  if (at != children_.end()) syscall(SYS_pidfd_send_signal, at->second->pidfd, number, nullptr, 0);
}

void PosixProcesses::terminate(ProcessId id) {
  signal(id, SIGTERM);
}
void PosixProcesses::kill(ProcessId id) {
  signal(id, SIGKILL);
}

}  // namespace adapters::posix
